//go:build !unix

package credentials

// modeTells: a file's mode does not say who may read it; the access list of the
// user's own folder does.
const modeTells = false
