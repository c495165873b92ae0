package outputs

import (
	"errors"

	"crosspoint.studio/crosspoint/internal/supervise"
)

// Permanent marks an error of Output.Run: trying again cannot help, the operator
// has to change something. Supervise then gives up with the state Failed.
// Permanent(nil) is nil.
func Permanent(err error) error { return supervise.Permanent(err) }

// IsPermanent reports whether err or anything it wraps was marked by Permanent.
func IsPermanent(err error) bool { return supervise.IsPermanent(err) }

// AfterLive is what Run returns for err once the far end has been live: the same words, never
// permanent. What worked can work again, and a hotel's login page in the way, or a gateway
// that is still starting, must not end a show's stream.
func AfterLive(err error) error {
	if IsPermanent(err) {
		return errors.New(err.Error())
	}
	return err
}
