package oncedtest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the server when the test process dies without stopping it.
func endWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
