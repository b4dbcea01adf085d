package onced_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	onced "github.com/onced/onced/clients/go"
	"github.com/onced/onced/clients/go/internal/oncedtest"
)

func TestAKeyAndTLSLetACallerIn(t *testing.T) {
	folder := t.TempDir()
	const key = "a-key-of-many-characters"
	write(t, filepath.Join(folder, "key"), []byte(key))
	authority := writeCertificate(t, folder)
	guarded, err := oncedtest.Start("--admin-key-file", filepath.Join(folder, "key"),
		"--tls-certificate", filepath.Join(folder, "certificate.pem"), "--tls-key", filepath.Join(folder, "private.pem"))
	if err != nil {
		t.Fatal(err)
	}
	defer guarded.Stop()
	withTLS := onced.WithTLS(&tls.Config{RootCAs: authority})
	namespace := oncedtest.Namespace(t)

	mustRun(t, connect(t, guarded.Address, withTLS, onced.WithAPIKey(key)), namespace, nil, 1)
	for name, options := range map[string][]onced.Option{
		"a wrong key": {withTLS, onced.WithAPIKey("another-key-of-characters")}, "no key": {withTLS},
	} {
		_, err := onced.RunOnce(bounded(t), connect(t, guarded.Address, options...), namespace, "k", nil, unexpected[int](t))
		if !errors.Is(err, onced.ErrUnauthenticated) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	stranger := connect(t, guarded.Address, onced.WithTLS(&tls.Config{}), onced.WithAPIKey(key))
	_, err = onced.RunOnce(bounded(t), stranger, namespace, "k", nil, unexpected[int](t), onced.WithBeginTimeout(time.Second))
	var failure *onced.Error
	if !errors.As(err, &failure) || !failure.Temporary() {
		t.Errorf("a certificate that nobody signed: error is %v", err)
	}
}

// writeCertificate makes a certificate for loopback, and returns the authority to trust.
func writeCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	write(t, filepath.Join(folder, "certificate.pem"), text)
	write(t, filepath.Join(folder, "private.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(text)
	return authority
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
