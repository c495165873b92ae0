//go:build unix

package credentials

// modeTells: a file's mode says who may read it.
const modeTells = true
