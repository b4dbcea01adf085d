package oncedtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Proxy is a TCP proxy on loopback that loses things. It knows no protocol.
type Proxy struct {
	// Address is where to reach the server through it.
	Address string

	target   string
	listener net.Listener

	mutex      sync.Mutex
	random     *rand.Rand
	loseReply  float64
	loseNext   bool
	delay      time.Duration
	isSilent   bool
	isRefusing bool
	open       map[net.Conn]bool
}

// StartProxy puts a proxy in front of target. It passes everything until told otherwise.
func StartProxy(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	seed := rand.Uint64()
	fmt.Printf("proxy seed %d\n", seed)
	proxy := &Proxy{
		Address: listener.Addr().String(), target: target, listener: listener,
		random: rand.New(rand.NewPCG(seed, 0)), open: map[net.Conn]bool{},
	}
	go proxy.accept()
	return proxy, nil
}

// LoseReplies throws away this share of what the server sends, after it has done its work, and resets the connection.
func (p *Proxy) LoseReplies(share float64) { p.set(func() { p.loseReply = share }) }

// LoseNextReply throws away the next that the server sends, and resets the connection.
func (p *Proxy) LoseNextReply() { p.set(func() { p.loseNext = true }) }

// Delay holds back what the server sends.
func (p *Proxy) Delay(delay time.Duration) { p.set(func() { p.delay = delay }) }

// Silence reads and loses everything in both directions, on connections that stay open.
func (p *Proxy) Silence(isSilent bool) { p.set(func() { p.isSilent = isSilent }) }

// Refuse resets open connections, and each new one.
func (p *Proxy) Refuse(isRefusing bool) {
	p.set(func() { p.isRefusing = isRefusing })
	if isRefusing {
		p.Cut()
	}
}

// Cut resets what is open now.
func (p *Proxy) Cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for connection := range p.open {
		reset(connection)
	}
}

// Close ends the proxy.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Cut()
}

func (p *Proxy) set(change func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	change()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.join(client)
	}
}

func (p *Proxy) join(client net.Conn) {
	p.mutex.Lock()
	isRefusing := p.isRefusing
	p.mutex.Unlock()
	server, err := net.Dial("tcp", p.target)
	if isRefusing || err != nil {
		reset(client)
		return
	}
	p.set(func() { p.open[client], p.open[server] = true, true })
	var copies sync.WaitGroup
	copies.Go(func() { p.copy(server, client, p.passRequest) })
	copies.Go(func() { p.copy(client, server, p.passReply) })
	copies.Wait()
	p.set(func() { delete(p.open, client); delete(p.open, server) })
}

func (p *Proxy) copy(to, from net.Conn, pass func() verdict) {
	defer reset(to)
	defer reset(from)
	buffer := make([]byte, 32*1024)
	for {
		size, err := from.Read(buffer)
		if err != nil {
			return
		}
		verdict := pass()
		time.Sleep(verdict.delay)
		if verdict.isCut {
			return
		}
		if verdict.isLost {
			continue
		}
		if _, err := to.Write(buffer[:size]); err != nil {
			return
		}
	}
}

// verdict is what becomes of some bytes.
type verdict struct {
	isLost bool
	isCut  bool
	delay  time.Duration
}

func (p *Proxy) passRequest() verdict {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return verdict{isLost: p.isSilent}
}

func (p *Proxy) passReply() verdict {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	isCut := p.loseNext || (p.loseReply > 0 && p.random.Float64() < p.loseReply)
	p.loseNext = false
	return verdict{isLost: p.isSilent, isCut: isCut, delay: p.delay}
}

func reset(connection net.Conn) {
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
