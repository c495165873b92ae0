package srt

import (
	"context"
	"fmt"
	"net"

	"crosspoint.studio/crosspoint/outputs"
)

// Probe implements outputs.Prober. A caller connects, with passphrase and stream id, and
// hangs up; a listener tries its port; what a rendezvous meets is known when both are there.
func (o *Output) Probe(ctx context.Context) (string, error) {
	t := o.target
	switch t.Mode {
	case Listener:
		local, err := t.resolve(ctx)
		if err != nil {
			return "", err
		}
		port, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
		if err != nil {
			return "", outputs.Permanent(fmt.Errorf("srt: port %d of this machine is in use by another program, or %s is not an address of it", t.Port, t.Host))
		}
		_ = port.Close() // nothing was sent
		return fmt.Sprintf("port %d is free; a receiver may call", t.Port), nil
	case Rendezvous:
		if _, err := t.resolve(ctx); err != nil {
			return "", err
		}
		return "the name is found; a rendezvous is known when both ends are there", nil
	}
	conn, err := t.connect(ctx, nil)
	if err != nil {
		return "", err
	}
	conn.Close()
	secured := "without encryption"
	if t.Passphrase != "" {
		secured = "with the passphrase"
	}
	return fmt.Sprintf("%s takes the connection %s", t.Address(), secured), nil
}
