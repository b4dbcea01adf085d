// Package oncedtest starts a real Onced server, and puts a faulty network in front of it, for the tests of this module.
package oncedtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"time"
)

const startTimeout = 30 * time.Second

// Server is a server process with a store of its own in memory.
type Server struct {
	// Address is where it serves gRPC.
	Address string

	command *exec.Cmd
	folder  string
}

// addressPattern finds the gRPC address in the line that the server prints once it is ready.
var addressPattern = regexp.MustCompile(`gRPC on (127\.0\.0\.1:\d+)`)

// Start runs a server of this repository, with more flags if given, until Stop or until this process ends.
func Start(flags ...string) (*Server, error) {
	root := repositoryRoot()
	folder, err := os.MkdirTemp("", "onced-go-")
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"cli/main.ts", "serve", "--store", "memory:", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
		"--journal", filepath.Join(folder, "journal.db"), "--log-level", "error",
	}
	command := exec.Command(filepath.Join(root, "node_modules", ".bin", "node"), append(arguments, flags...)...)
	command.Dir = root
	command.Stderr = os.Stderr
	endWithParent(command)
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("the server's Node is installed by npm ci in the repository: %w", err)
	}
	server := &Server{command: command, folder: folder}
	if server.Address, err = readAddress(output); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

// Stop ends the process and waits for it.
func (s *Server) Stop() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	_ = os.RemoveAll(s.folder)
}

func readAddress(output io.Reader) (string, error) {
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if match := addressPattern.FindStringSubmatch(lines.Text()); match != nil {
				found <- match[1]
			}
		}
		close(found)
	}()
	select {
	case address, ok := <-found:
		if !ok {
			return "", fmt.Errorf("the server ended without saying where it serves gRPC")
		}
		return address, nil
	case <-time.After(startTimeout):
		return "", fmt.Errorf("the server was not ready after %s", startTimeout)
	}
}

func repositoryRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}
