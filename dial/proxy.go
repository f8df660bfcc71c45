package dial

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// ErrProxy means that a proxy did not open the way to the server.
var ErrProxy = errors.New("the proxy did not connect")

// Proxy is an HTTP proxy that opens connections when it is asked to (RFC 9110, 9.3.6). The zero value: no proxy.
type Proxy struct {
	Host       string        // with its port
	Credential func() string // "user:password"; nil is none
}

// maxProxyAnswer bounds the head of a proxy's answer.
const maxProxyAnswer = 8 << 10

// open asks the proxy at the end of a connection for the way to an address.
func (p *Proxy) open(ctx context.Context, conn net.Conn, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if p.Credential != nil {
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.Credential())) + "\r\n"
	}
	if _, err := conn.Write([]byte(request + "\r\n")); err != nil {
		return fmt.Errorf("asking the proxy: %w", errors.Join(ctx.Err(), err))
	}
	head, err := readHead(conn)
	if err != nil {
		return fmt.Errorf("reading the proxy's answer: %w", errors.Join(ctx.Err(), err))
	}
	line, _, _ := strings.Cut(head, "\r\n")
	version, status, _ := strings.Cut(line, " ")
	if !strings.HasPrefix(version, "HTTP/1.") || len(status) < 3 || status[0] != '2' {
		return fmt.Errorf("%w to %s: it answers %.60q", ErrProxy, address, status)
	}
	return nil
}

// readHead reads up to the end of a header block, and not a byte further: what follows is the server's.
func readHead(conn net.Conn) (string, error) {
	var head []byte
	var one [1]byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if len(head) == maxProxyAnswer {
			return "", fmt.Errorf("%w: its answer has no end", ErrProxy)
		}
		if _, err := conn.Read(one[:]); err != nil {
			return "", err
		}
		head = append(head, one[0])
	}
	return string(head), nil
}
