package audit

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"

	"patgate/policy"
	"patgate/routes"
)

// line is one line of the log while it is made: as JSON straight into the batch, because this is done for each request, or
// as fields for an encoder. What NewEncoder(false) would write and what this writes is the same, byte for byte.
type line struct {
	encoder zapcore.Encoder // nil: JSON
	json    []byte
	entry   zapcore.Entry
	fields  []zapcore.Field

	verdicts [verdictSlots]verdictText // most lines are like others in this part
	client   netip.Addr                // of the line before
	from     []byte                    // its text

	// Of the line before: which token it was, whose, what they are called, and the text of that.
	token, owner         int64
	tokenName, ownerName string
	held                 []byte

	// The text of the second that the line before was of: most are of the same.
	second int64
	zone   *time.Location
	clock  []byte // up to the second
	offset []byte // of the zone
}

// decision makes the line of a decision, with its completion when it is completed.
func (l *line) decision(e *Event, completed bool) {
	l.begin(e.Start, "decision")
	e.decided(l)
	if completed {
		e.outcome(l)
	}
	l.end()
}

// completion makes the line of a completion that comes after its decision's line.
func (l *line) completion(e *Event) {
	l.begin(e.Start.Add(e.Duration), "completion")
	l.id(keyRequestID, e.ID)
	e.outcome(l)
	l.end()
}

// begin starts a line.
func (l *line) begin(at time.Time, message string) {
	if l.encoder != nil {
		l.entry = zapcore.Entry{Level: zapcore.InfoLevel, Time: at, Message: message}
		l.fields = l.fields[:0]
		return
	}
	l.json = append(l.json, `{"level":"info"`...)
	if !at.IsZero() {
		l.json = append(l.time(append(l.json, `,"time":"`...), at), '"')
	}
	l.json = append(l.json, `,"msg":"`...)
	l.json = append(append(l.json, message...), '"')
}

// time writes an instant as time.RFC3339Nano has it.
func (l *line) time(dst []byte, at time.Time) []byte {
	if s := at.Unix(); s != l.second || at.Location() != l.zone || len(l.clock) == 0 {
		var room [40]byte
		whole := at.AppendFormat(room[:0], time.RFC3339)
		l.second, l.zone = s, at.Location()
		l.clock = append(l.clock[:0], whole[:min(len(clockLayout), len(whole))]...)
		l.offset = append(l.offset[:0], whole[len(l.clock):]...)
	}
	dst = append(dst, l.clock...)
	if n := at.Nanosecond(); n != 0 {
		var digits [10]byte
		digits[0] = '.'
		left := uint(n)
		for i := len(digits) - 2; i > 0; i -= 2 {
			binary.LittleEndian.PutUint16(digits[i:], decimalDigits[left%100])
			left /= 100
		}
		digits[1] = byte('0' + left)
		end := len(digits)
		for digits[end-1] == '0' {
			end--
		}
		dst = append(dst, digits[:end]...)
	}
	return append(dst, l.offset...)
}

// clockLayout is the part of an instant that is the same for a second.
const clockLayout = "2006-01-02T15:04:05"

// end ends it.
func (l *line) end() {
	if l.encoder == nil {
		l.json = append(l.json, "}\n"...)
		return
	}
	b, err := l.encoder.EncodeEntry(l.entry, l.fields)
	if err != nil {
		return // there is no error for these fields
	}
	l.json = append(l.json, b.Bytes()...)
	b.Free()
}

// verdictKey is what the part of a line between the token and the outcome depends on, but for the container's id.
type verdictKey struct {
	route, action, resource    string
	method, permission, reason string
	boundary                   routes.Boundary
	verdict                    policy.Verdict
	act                        policy.ActKind
}

const verdictSlots = 128

// slot spreads keys over the texts that are kept.
func (k *verdictKey) slot() uint {
	n := uint(len(k.reason))*5 ^ uint(len(k.method))*17
	if r := k.route; r != "" {
		n ^= uint(len(r))*31 ^ uint(r[len(r)/2])*3 ^ uint(r[len(r)-1])
	}
	return n % verdictSlots
}

// verdictText is that part: up to at what stands before the id, and then what stands behind it.
type verdictText struct {
	key  verdictKey
	text []byte
	at   int
}

// verdict writes what was decided.
func (l *line) verdict(e *Event) {
	if l.encoder != nil {
		e.request(l)
		e.container(l)
		e.verdict(l)
		e.limit(l)
		return
	}
	key := verdictKey{method: e.Method, permission: e.Permission, reason: e.Reason}
	key.boundary, key.verdict, key.act = e.Boundary, e.Verdict, e.Act
	if r := e.Route; r != nil {
		key.route, key.action, key.resource = r.Path, r.Action, r.Resource
	}
	v := &l.verdicts[key.slot()]
	if v.text == nil || v.key != key {
		made := line{json: v.text[:0]}
		e.request(&made)
		at := len(made.json)
		e.verdict(&made)
		*v = verdictText{key, made.json, at}
	}
	l.json = append(l.json, v.text[:v.at]...)
	e.container(l)
	l.json = append(l.json, v.text[v.at:]...)
	e.limit(l)
}

// key is a field's name as it stands in JSON, which needs no escaping: what is between two values.
type key string

// name is the name alone.
func (k key) name() string { return string(k[len(`,"`) : len(k)-len(`":`)]) }

func (l *line) text(name key, value string) {
	if l.encoder != nil {
		l.fields = append(l.fields, zapcore.Field{Key: name.name(), Type: zapcore.StringType, String: value})
		return
	}
	l.json = append(l.json, name...)
	if !plain(value) {
		l.json = appendEscaped(l.json, value)
		return
	}
	l.json = append(append(append(l.json, '"'), value...), '"')
}

// permission writes the name of a permission, which is made of two words.
func (l *line) permission(action, resource string) {
	if l.encoder != nil || !plain(action) || !plain(resource) {
		l.text(keyPermission, action+"_"+resource)
		return
	}
	l.json = append(append(append(append(append(append(l.json, keyPermission...), '"'), action...), '_'), resource...), '"')
}

func (l *line) number(name key, value int64) {
	if l.encoder != nil {
		l.fields = append(l.fields, zapcore.Field{Key: name.name(), Type: zapcore.Int64Type, Integer: value})
		return
	}
	l.json = appendDecimal(append(l.json, name...), value)
}

func (l *line) id(name key, value RequestID) {
	if l.encoder != nil {
		l.text(name, value.String())
		return
	}
	l.json, _ = value.AppendText(append(append(l.json, name...), '"')) // it has no error to give
	l.json = append(l.json, '"')
}

func (l *line) address(name key, value netip.Addr) {
	if l.encoder != nil || value.Zone() != "" {
		l.text(name, value.String())
		return
	}
	if l.client != value {
		l.client, l.from = value, value.AppendTo(l.from[:0])
	}
	l.json = append(append(append(append(l.json, name...), '"'), l.from...), '"')
}

// appendDecimal is strconv.AppendInt in less time for what is not negative.
func appendDecimal(dst []byte, value int64) []byte {
	if value < 0 {
		return strconv.AppendInt(dst, value, 10)
	}
	n := uint64(value)
	switch { // most are short
	case n < 10:
		return append(dst, byte('0'+n))
	case n < 100:
		return binary.LittleEndian.AppendUint16(dst, decimalDigits[n])
	case n < 1000:
		return binary.LittleEndian.AppendUint16(append(dst, byte('0'+n/100)), decimalDigits[n%100])
	}
	digits := bits.Len64(n|1) * 1233 >> 12 // log10(2) is about 1233/4096
	if n|1 >= powers[digits] {
		digits++
	}
	at := len(dst) + digits
	dst = slices.Grow(dst, digits)[:at]
	for n >= 10 {
		pair := n % 100
		n /= 100
		at -= 2
		binary.LittleEndian.PutUint16(dst[at:], decimalDigits[pair])
	}
	if at > len(dst)-digits {
		dst[at-1] = byte('0' + n)
	}
	return dst
}

// powers are those of ten that an int64 holds.
var powers = func() (of [19]uint64) {
	n := uint64(1)
	for i := range of {
		of[i] = n
		n *= 10
	}
	return of
}()

// decimalDigits are the two digits of the numbers below 100, the first one in the lower half.
var decimalDigits = func() (of [100]uint16) {
	for n := range of {
		of[n] = uint16('0'+n/10) | uint16('0'+n%10)<<8
	}
	return of
}()

// plain tells whether text stands in JSON as it is. What events hold nearly always does.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendEscaped writes text as a JSON string, as the encoder does.
func appendEscaped(dst []byte, s string) []byte {
	b, err := zapcore.NewJSONEncoder(zapcore.EncoderConfig{SkipLineEnding: true}).EncodeEntry(zapcore.Entry{},
		[]zapcore.Field{{Key: "k", Type: zapcore.StringType, String: s}})
	if err != nil {
		return append(dst, `""`...)
	}
	defer b.Free()
	return append(dst, b.Bytes()[len(`{"k":`):b.Len()-len(`}`)]...)
}
