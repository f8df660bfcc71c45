package proxyprotocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// binaryHeader makes one of version 2.
func binaryHeader(command, over byte, rest ...byte) []byte {
	h := append([]byte(signature), command, over, 0, 0)
	binary.BigEndian.PutUint16(h[14:], uint16(len(rest)))
	return append(h, rest...)
}

// four are addresses and ports of TCP over IPv4.
var four = []byte{203, 0, 113, 9, 192, 0, 2, 1, 0x1f, 0x90, 0, 80}

// six are those over IPv6.
func six(source string) []byte {
	from, to := netip.MustParseAddr(source).As16(), netip.MustParseAddr("2001:db8::1").As16()
	return append(append(from[:], to[:]...), 0x1f, 0x90, 0, 80)
}

// extra is what proxies add behind the addresses.
func extra(kind byte, value ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value))), value...)
}

// checked makes a header with a checksum, which is off by so much.
func checked(off uint32) []byte {
	h := binaryHeader(commandProxy, overTCP4, join(four, extra(0xea, 1, 2), extra(typeChecksum, 0, 0, 0, 0))...)
	binary.BigEndian.PutUint32(h[len(h)-4:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli))+off)
	return h
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestGoodHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header []byte
		client string // empty: the proxy's own
	}{
		"1, IPv4":                  {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n"), "203.0.113.9"},
		"1, IPv6":                  {[]byte("PROXY TCP6 2001:db8::9 2001:db8::1 56324 443\r\n"), "2001:db8::9"},
		"1, IPv4 as IPv6":          {[]byte("PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.1 0 65535\r\n"), "203.0.113.9"},
		"1, unknown":               {[]byte("PROXY UNKNOWN\r\n"), ""},
		"1, unknown with more":     {[]byte("PROXY UNKNOWN 203.0.113.9 192.0.2.1 1 2\r\n"), ""},
		"1, as long as may be":     {[]byte("PROXY UNKNOWN " + strings.Repeat("f", longestText-16) + "\r\n"), ""},
		"2, IPv4":                  {binaryHeader(commandProxy, overTCP4, four...), "203.0.113.9"},
		"2, IPv6":                  {binaryHeader(commandProxy, overTCP6, six("2001:db8::9")...), "2001:db8::9"},
		"2, IPv4 as IPv6":          {binaryHeader(commandProxy, overTCP6, six("::ffff:203.0.113.9")...), "203.0.113.9"},
		"2, local":                 {binaryHeader(commandLocal, overUnknown), ""},
		"2, local with an address": {binaryHeader(commandLocal, overTCP4, four...), ""},
		"2, local with anything":   {binaryHeader(commandLocal, 0x77, 1, 2, 3), ""},
		"2, of nothing known":      {binaryHeader(commandProxy, overUnknown, 1, 2, 3), ""},
		"2, a Unix socket":         {binaryHeader(commandProxy, overUnix, make([]byte, unixSize)...), ""},
		"2, with extras": {binaryHeader(commandProxy, overTCP4, join(four, extra(1, 'h', '2'), extra(4), extra(0x20, 1))...),
			"203.0.113.9"},
		"2, with a checksum": {checked(0), "203.0.113.9"},
		"2, as long as it may be": {binaryHeader(commandProxy, overTCP4, join(four, extra(4, make([]byte, longest-15)...))...),
			"203.0.113.9"},
		"2, extras behind IPv6 alone": {binaryHeader(commandProxy, overTCP6, join(six("2001:db8::9"), extra(4, 0))...), "2001:db8::9"},
	} {
		t.Run(name, func(t *testing.T) {
			for way, wrap := range map[string]func(io.Reader) io.Reader{
				"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
			} {
				in := bytes.NewReader(append(bytes.Clone(c.header), "GET / HTTP/1.1\r\n"...))
				client, err := Read(wrap(in))
				rest, _ := io.ReadAll(in)
				if err != nil || client.IsValid() != (c.client != "") || client.IsValid() && client.String() != c.client {
					t.Errorf("%s: %v %v", way, client, err)
				}
				if string(rest) != "GET / HTTP/1.1\r\n" {
					t.Errorf("%s: %q is left for the next reader", way, rest)
				}
			}
		})
	}
}

func TestBadHeaders(t *testing.T) {
	tooLong := binaryHeader(commandProxy, overTCP4, make([]byte, longest+1)...)
	for name, c := range map[string]struct {
		header []byte
		want   error
	}{
		"nothing":                            {nil, io.EOF},
		"a request":                          {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ErrNone},
		"a request that begins like one":     {[]byte("PUT / HTTP/1.1\r\nHost: x\r\n\r\n"), ErrNone},
		"TLS":                                {[]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh"), ErrNone},
		"lower case":                         {[]byte("proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), ErrNone},
		"a byte before it":                   {[]byte(" PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), ErrNone},
		"its first bytes":                    {[]byte("PROXY "), ErrMalformed},
		"1, cut off":                         {[]byte("PROXY TCP4 203.0.113.9 192.0"), ErrMalformed},
		"1, without an end":                  {[]byte("PROXY TCP4 " + strings.Repeat("1", 200)), ErrLong},
		"1, longer than may be":              {[]byte("PROXY UNKNOWN " + strings.Repeat("f", longestText-15) + "\r\n"), ErrLong},
		"1, a bare line feed":                {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 1 2\n\r\n"), ErrMalformed},
		"1, IPv6 called IPv4":                {[]byte("PROXY TCP4 2001:db8::9 2001:db8::1 1 2\r\n"), ErrMalformed},
		"1, IPv4 called IPv6":                {[]byte("PROXY TCP6 203.0.113.9 192.0.2.1 1 2\r\n"), ErrMalformed},
		"1, another transport":               {[]byte("PROXY UDP4 203.0.113.9 192.0.2.1 1 2\r\n"), ErrMalformed},
		"1, without ports":                   {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1\r\n"), ErrMalformed},
		"1, a part too many":                 {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 1 2 3\r\n"), ErrMalformed},
		"1, two blanks":                      {[]byte("PROXY TCP4  203.0.113.9 192.0.2.1 1 2\r\n"), ErrMalformed},
		"1, a port that is none":             {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 65536 2\r\n"), ErrMalformed},
		"1, a port with a sign":              {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 +1 2\r\n"), ErrMalformed},
		"1, a port with a zero in front":     {[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 01 2\r\n"), ErrMalformed},
		"1, an address with a zero in front": {[]byte("PROXY TCP4 203.0.113.09 192.0.2.1 1 2\r\n"), ErrMalformed},
		"1, an address with a zone":          {[]byte("PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n"), ErrMalformed},
		"1, a name":                          {[]byte("PROXY TCP4 localhost 192.0.2.1 1 2\r\n"), ErrMalformed},
		"1, a word that begins like unknown": {[]byte("PROXY UNKNOWNS 1.2.3.4\r\n"), ErrMalformed},
		"2, cut off in its fixed part":       {binaryHeader(commandProxy, overTCP4)[:15], ErrMalformed},
		"2, cut off":                         {binaryHeader(commandProxy, overTCP4, four...)[:20], ErrMalformed},
		"2, another version":                 {binaryHeader(0x31, overTCP4, four...), ErrMalformed},
		"2, another command":                 {binaryHeader(0x22, overTCP4, four...), ErrMalformed},
		"2, UDP":                             {binaryHeader(commandProxy, 0x12, four...), ErrTransport},
		"2, a family that is none":           {binaryHeader(commandProxy, 0x41, four...), ErrTransport},
		"2, too short for its addresses":     {binaryHeader(commandProxy, overTCP4, four[:11]...), ErrMalformed},
		"2, IPv4 called IPv6":                {binaryHeader(commandProxy, overTCP6, four...), ErrMalformed},
		"2, no address at all":               {binaryHeader(commandProxy, overTCP4), ErrMalformed},
		"2, longer than proxies send":        {tooLong, ErrLong},
		"2, an extra without its length":     {binaryHeader(commandProxy, overTCP4, join(four, []byte{4, 0})...), ErrMalformed},
		"2, an extra longer than the header": {binaryHeader(commandProxy, overTCP4, join(four, []byte{4, 0, 9, 1})...), ErrMalformed},
		"2, a wrong checksum":                {checked(1), ErrChecksum},
		"2, a checksum of another size": {binaryHeader(commandProxy, overTCP4, join(four, extra(typeChecksum, 1, 2))...),
			ErrMalformed},
		"2, something else than the signature": {append([]byte("\r\n\r\n\x00\r\nQUIX\n"), four...), ErrNone},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := Read(bytes.NewReader(c.header))
			if !errors.Is(err, c.want) || client.IsValid() {
				t.Errorf("%v %v, want %v", client, err, c.want)
			}
		})
	}
	t.Run("nothing is read behind the length that is too long", func(t *testing.T) {
		in := bytes.NewReader(tooLong)
		if _, err := Read(in); !errors.Is(err, ErrLong) || in.Len() != longest+1 {
			t.Errorf("%v, %d bytes left", err, in.Len())
		}
	})
}

// FuzzRead holds of any bytes what whoever trusts a header leans on.
func FuzzRead(f *testing.F) {
	for _, seed := range [][]byte{[]byte("PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\nGET"), []byte("PROXY UNKNOWN\r\n"),
		[]byte("PROXY TCP6 ::1 ::1 1 2\r\n"), binaryHeader(commandProxy, overTCP4, four...), binaryHeader(commandLocal, 0),
		binaryHeader(commandProxy, overTCP6, six("::1")...), checked(0), checked(3), []byte("GET / HTTP/1.1\r\n\r\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		client, err := Read(r)
		used := in[:len(in)-r.Len()]
		if err != nil {
			if client.IsValid() {
				t.Fatalf("%v with %v", client, err)
			}
			return
		}
		if client.Is4In6() || client.Zone() != "" {
			t.Fatalf("%v is one of two spellings", client)
		}
		switch {
		case bytes.HasPrefix(used, []byte(signature)):
			if len(used) != fixedSize+int(binary.BigEndian.Uint16(used[14:])) {
				t.Fatalf("%d bytes were read of %q", len(used), in)
			}
		case !bytes.HasPrefix(used, []byte(text)) || len(used) > longestText || bytes.Count(used, []byte("\r\n")) != 1 ||
			!bytes.HasSuffix(used, []byte("\r\n")):
			t.Fatalf("%q was taken for a header", used)
		case bytes.HasPrefix(used, []byte("PROXY TCP4")) && !strings.Contains(string(used), client.String()):
			t.Fatalf("%v is not in %q", client, used)
		}
		if again, err := Read(iotest.OneByteReader(bytes.NewReader(in))); again != client || err != nil {
			t.Fatalf("in pieces it is %v %v", again, err)
		}
	})
}

func TestAGate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refused := make(chan error, 9)
	given := make(chan netip.Addr, 9)
	g := &Gate{Wait: 300 * time.Millisecond, Refused: func(_ net.Addr, err error) { refused <- err }}
	open := func(t *testing.T, text string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		g.Take(accepted, func(c net.Conn, client netip.Addr) {
			given <- client
			time.Sleep(2 * g.Wait) // its deadline was that of the header
			_, _ = io.Copy(c, io.LimitReader(c, 4))
			_ = c.Close()
		})
		return c
	}
	t.Run("gives on what a good header stands in front of", func(t *testing.T) {
		c := open(t, "PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\nrest")
		if client := <-given; client.String() != "203.0.113.9" {
			t.Errorf("it is %v", client)
		}
		if rest, err := io.ReadAll(c); string(rest) != "rest" || err != nil {
			t.Errorf("%q %v", rest, err)
		}
	})
	for name, c := range map[string]struct {
		text string
		want error
	}{"closes what has none": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ErrNone}, "closes what is late": {"PROXY TCP4", errLate}} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, c.text)
			if err := <-refused; !errors.Is(err, c.want) {
				t.Errorf("it says %v", err)
			}
			if n, _ := io.Copy(io.Discard, conn); n != 0 {
				t.Errorf("it answered %d bytes", n)
			}
		})
	}
	t.Run("says nothing of who only looks", func(t *testing.T) {
		_ = open(t, "").Close()
		for g.Waiting() > 0 {
			time.Sleep(time.Millisecond)
		}
		if len(refused) > 0 {
			t.Errorf("it says %v", <-refused)
		}
	})
	t.Run("ends what waits", func(t *testing.T) {
		g.Wait = time.Hour
		c := open(t, "PROXY")
		g.Close()
		if n, _ := io.Copy(io.Discard, c); n != 0 || len(given) > 0 {
			t.Errorf("%d bytes, %d given", n, len(given))
		}
		for g.Waiting() > 0 {
			time.Sleep(time.Millisecond)
		}
	})
}
