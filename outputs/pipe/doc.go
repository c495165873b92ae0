// Package pipe gives a rendition to another program on this machine: to a named pipe
// that it reads, to its standard input, or into a file that it follows.
//
// Threads: Run is one blocking call; a clock beside it reports. Ownership: packets are
// only read. A reader that stops reading holds up this output alone: Run waits in its
// write, the feed's queue drops up to the next keyframe, and the state says so. What it
// does not do: encode, run a shell, restart the program (outputs.Supervise does).
package pipe
