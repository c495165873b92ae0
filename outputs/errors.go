package outputs

import "crosspoint.studio/crosspoint/internal/supervise"

// Permanent marks an error of Output.Run: trying again cannot help, the operator
// has to change something. Supervise then gives up with the state Failed.
// Permanent(nil) is nil.
func Permanent(err error) error { return supervise.Permanent(err) }

// IsPermanent reports whether err or anything it wraps was marked by Permanent.
func IsPermanent(err error) bool { return supervise.IsPermanent(err) }
