package outputs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
)

func TestCertificateReason(t *testing.T) {
	const expired, unknown = "it has expired, or this machine's clock is wrong", "it is signed by an unknown authority"
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, expired},
		{"expired, within another", fmt.Errorf("intermediate: %w", x509.CertificateInvalidError{Reason: x509.Expired}), expired},
		{"invalid otherwise", x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, unknown},
		{"of nobody known", x509.UnknownAuthorityError{}, unknown},
		{"of which nothing is known", errors.New("no"), unknown},
	} {
		if got := CertificateReason(&tls.CertificateVerificationError{Err: c.err}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
