// Package record writes a feed to a file that plays whatever happens: Matroska,
// fragmented MP4 that becomes an ordinary one when it ends properly, or MPEG-TS.
// The process may be killed, the disk may fill up: what was written stays readable
// up to the last second. Files are cut by time, size or command with every picture in
// exactly one of them, pauses leave no hole, marks become chapters, and when its disk
// fails or runs full a recording goes on on a second one.
//
// Threads: Output.Run muxes and writes on its own goroutine; another brings the data
// to the platter (fdatasync, free space), a third reports, and closing a file that another follows has one of its own, so that neither a slow
// disk's flush nor a hanging one keeps anything else waiting. All have ended when
// Run returns, with one exception that no program can help: a system call that
// the kernel does not finish. Ownership: packets are only read; the file belongs to
// Run. What this package does not do: encode, delete old files.
package record
