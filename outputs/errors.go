package outputs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"crosspoint.studio/crosspoint/internal/supervise"
)

// Permanent marks an error of Output.Run: trying again cannot help, the operator
// has to change something. Supervise then gives up with the state Failed.
// Permanent(nil) is nil.
func Permanent(err error) error { return supervise.Permanent(err) }

// IsPermanent reports whether err or anything it wraps was marked by Permanent.
func IsPermanent(err error) bool { return supervise.IsPermanent(err) }

// passingError is one that Passing has marked.
type passingError struct{ err error }

func (e *passingError) Error() string { return e.err.Error() }
func (e *passingError) Unwrap() error { return e.err }

// Passing is Permanent for a refusal that need not be the operator's mistake: a certificate that
// is another's (a login page in the way), an application that is not there (a server that still
// starts), a no without a reason. Where a destination has more ingests than one it is tried again.
// Passing(nil) is nil.
func Passing(err error) error {
	if err == nil {
		return nil
	}
	return Permanent(&passingError{err})
}

// IsPassing reports whether err or anything it wraps was marked by Passing.
func IsPassing(err error) bool {
	var p *passingError
	return errors.As(err, &p)
}

// AfterLive is what Run returns for err once the far end has been live: the same words, never
// permanent. What worked can work again, and a hotel's login page in the way, or a gateway
// that is still starting, must not end a show's stream.
func AfterLive(err error) error {
	if IsPermanent(err) {
		return errors.New(err.Error())
	}
	return err
}

// CertificateReason says for the operator why a far end's certificate is not trusted.
func CertificateReason(err *tls.CertificateVerificationError) string {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return "it has expired, or this machine's clock is wrong"
	}
	return "it is signed by an unknown authority"
}
