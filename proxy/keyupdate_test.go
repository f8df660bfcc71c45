package proxy

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// records writes the records of one side of a TLS 1.3 connection (RFC 8446, 5.2), those too that crypto/tls cannot be asked for.
// The handshake is crypto/tls's, which writes nothing after it.
type records struct {
	net.Conn
	suite  uint16
	secret []byte
	n      uint64 // how many were written under this secret
}

// recordsOf goes on behind a handshake, of which it is given what was written for KeyLogWriter. side is CLIENT or SERVER.
func recordsOf(t testing.TB, c net.Conn, state tls.ConnectionState, keys, side string) *records {
	t.Helper()
	for line := range strings.Lines(keys) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == side+"_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil || len(secret) != sha256.Size {
				t.Skipf("the suite %s is another one", tls.CipherSuiteName(state.CipherSuite))
			}
			return &records{Conn: c, suite: state.CipherSuite, secret: secret}
		}
	}
	t.Fatalf("there is no secret in %q", keys)
	return nil
}

// expand is HKDF-Expand-Label (RFC 8446, 7.1).
func (r *records) expand(label string, length int) []byte {
	label = "tls13 " + label
	info := append([]byte{byte(length >> 8), byte(length), byte(len(label))}, label...)
	key, err := hkdf.Expand(sha256.New, r.secret, string(append(info, 0)), length)
	if err != nil {
		panic(err)
	}
	return key
}

// seal gives a record with a content.
func (r *records) seal(kind byte, content []byte) []byte {
	var aead cipher.AEAD
	if r.suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		aead, _ = chacha20poly1305.New(r.expand("key", chacha20poly1305.KeySize))
	} else {
		block, _ := aes.NewCipher(r.expand("key", 16))
		aead, _ = cipher.NewGCM(block)
	}
	nonce := r.expand("iv", aead.NonceSize())
	counter := binary.BigEndian.AppendUint64(nil, r.n)
	for i, b := range counter {
		nonce[len(nonce)-len(counter)+i] ^= b
	}
	r.n++
	length := len(content) + 1 + aead.Overhead()
	header := []byte{23, 3, 3, byte(length >> 8), byte(length)}
	return aead.Seal(header, nonce, append(content[:len(content):len(content)], kind), header)
}

// data gives a record of application data.
func (r *records) data(text string) []byte { return r.seal(23, []byte(text)) }

// update gives a KeyUpdate that asks for one, and has the next record be under the next secret (RFC 8446, 4.6.3 and 7.2).
func (r *records) update() []byte {
	record := r.seal(22, []byte{24, 0, 0, 1, 1})
	r.secret, r.n = r.expand("traffic upd", len(r.secret)), 0
	return record
}

// Threat: each KeyUpdate costs new keys, and an answer that has to be kept for as long as nobody reads it. Attack: floods of them,
// by clients that read nothing. Control: a few of them between requests are no attack, and others are served meanwhile.
func TestThreatKeyUpdates(t *testing.T) {
	g := secured(t, pages, func(o *Options) {
		o.Timeouts.ReadHeader, o.Timeouts.Idle, o.Timeouts.WriteStall = 2*time.Second, 5*time.Second, 2*time.Second
		o.Timeouts.ReadStall = 2 * time.Second
	})
	ask := get(jobs+"?page=1", "PRIVATE-TOKEN: "+g.token)
	upload := request("POST", "/api/v4/projects/7/labels", "", "PRIVATE-TOKEN: glpat-x", "Content-Type: application/octet-stream",
		"Content-Length: 100000000")
	shaken := func(t *testing.T) (*records, *tls.Conn) {
		t.Helper()
		raw, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		_ = raw.(*net.TCPConn).SetReadBuffer(1 << 20) // which the system does not make larger then
		_ = raw.SetDeadline(time.Now().Add(30 * time.Second))
		var keys bytes.Buffer
		c := tls.Client(raw, &tls.Config{RootCAs: g.trust.RootCAs, ServerName: "127.0.0.1", KeyLogWriter: &keys})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		return recordsOf(t, raw, c.ConnectionState(), keys.String(), "CLIENT"), c
	}
	t.Run("between requests", func(t *testing.T) {
		below, c := shaken(t)
		r := bufio.NewReader(c)
		for range 50 {
			for range 3 {
				_, _ = below.Write(below.update())
			}
			_, _ = below.Write(below.data(ask))
			a, _ := readAnswer(t, r, "GET")
			a.wants(t, 200, `{"page":"1"}`)
		}
	})
	const most = 32 << 20
	for name, flood := range map[string]struct {
		first string                // is sent before
		part  func(*records) []byte // is sent again and again
	}{
		"alone":                {"", func(r *records) []byte { return r.update() }},
		"behind a request":     {ask, func(r *records) []byte { return r.update() }},
		"within a head":        {ask[:len(ask)-2] + "X-Long: ", func(r *records) []byte { return append(r.update(), r.data("x")...) }},
		"before each request":  {"", func(r *records) []byte { return append(r.update(), r.data(ask)...) }},
		"within an upload":     {upload, func(r *records) []byte { return append(r.update(), r.data("x")...) }},
		"many in one record":   {"", func(r *records) []byte { return r.seal(22, bytes.Repeat([]byte{24, 0, 0, 1, 1}, 3000)) }},
		"in parts":             {"", func(r *records) []byte { return r.seal(22, []byte{24}) }},
		"empty, within a head": {ask[:20], func(r *records) []byte { return r.data("") }},
	} {
		t.Run(name, func(t *testing.T) {
			grown := int64(math.MaxInt64)
			for try := 0; try < 2 && grown > most/2; try++ { // what other tests leave behind does not come twice
				before := held()
				stop, peak := make(chan struct{}), make(chan uint64)
				go watchHeap(held, stop, peak)
				below, _ := shaken(t)
				if flood.first != "" {
					_, _ = below.Write(below.data(flood.first))
				}
				sent, ended := 0, false
				for sent < most && !ended {
					n, err := below.Write(flood.part(below))
					sent, ended = sent+n, err != nil
				}
				if !ended {
					t.Errorf("%d bytes were taken, and the connection is open", sent)
				}
				close(stop)
				grown = int64(<-peak) - int64(before)
				t.Logf("%d bytes were taken; memory grew by %d", sent, grown)
			}
			if grown > most/2 {
				t.Errorf("memory grew by %d bytes", grown)
			}
			g.connect(t).ask(ask).wants(t, 200, `{"page":"1"}`)
		})
	}
}
