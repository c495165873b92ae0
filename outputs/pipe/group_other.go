//go:build !unix

package pipe

import "os/exec"

func ownGroup(*exec.Cmd) {}

// endGroup kills the program.
func endGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // gone already otherwise
