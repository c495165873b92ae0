package assets

import _ "embed"

// Icon is the program's, PNG, 512x512, drawn from icons/crosspoint.svg.
//
//go:embed icons/crosspoint.png
var Icon []byte
