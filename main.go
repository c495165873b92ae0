// Command crosspoint is a live video production studio; see README.md.
package main

import (
	"os"

	"crosspoint.studio/crosspoint/app"
)

func main() { os.Exit(app.Main(os.Args[1:], os.Stdout, os.Stderr)) }
