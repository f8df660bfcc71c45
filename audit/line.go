package audit

import (
	"net/netip"
	"strconv"
	"time"

	"go.uber.org/zap/zapcore"
)

// line is one line of the log while it is made: as JSON straight into the batch, because this is done for each request, or
// as fields for an encoder. What NewEncoder(false) would write and what this writes is the same, byte for byte.
type line struct {
	encoder zapcore.Encoder // nil: JSON
	json    []byte
	entry   zapcore.Entry
	fields  []zapcore.Field

	// The text of the second that the line before was of: most are of the same.
	second int64
	zone   *time.Location
	clock  []byte // up to the second
	offset []byte // of the zone
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
		for i := len(digits) - 1; i > 0; i-- {
			digits[i] = byte('0' + n%10)
			n /= 10
		}
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

// end ends it. The error is the encoder's, which has none for these fields.
func (l *line) end() error {
	if l.encoder == nil {
		l.json = append(l.json, "}\n"...)
		return nil
	}
	b, err := l.encoder.EncodeEntry(l.entry, l.fields)
	if err != nil {
		return err
	}
	l.json = append(l.json, b.Bytes()...)
	b.Free()
	return nil
}

// key writes a field's name, which needs no escaping.
func (l *line) key(name string) {
	l.json = append(append(append(l.json, ',', '"'), name...), '"', ':')
}

func (l *line) text(name, value string) {
	if l.encoder != nil {
		l.fields = append(l.fields, zapcore.Field{Key: name, Type: zapcore.StringType, String: value})
		return
	}
	l.key(name)
	if !plain(value) {
		l.json = appendEscaped(l.json, value)
		return
	}
	l.json = append(append(append(l.json, '"'), value...), '"')
}

// permission writes the name of a permission, which is made of two words.
func (l *line) permission(action, resource string) {
	if l.encoder != nil || !plain(action) || !plain(resource) {
		l.text("permission", action+"_"+resource)
		return
	}
	l.key("permission")
	l.json = append(append(append(append(append(l.json, '"'), action...), '_'), resource...), '"')
}

func (l *line) number(name string, value int64) {
	if l.encoder != nil {
		l.fields = append(l.fields, zapcore.Field{Key: name, Type: zapcore.Int64Type, Integer: value})
		return
	}
	l.key(name)
	l.json = strconv.AppendInt(l.json, value, 10)
}

func (l *line) id(name string, value RequestID) {
	if l.encoder != nil {
		l.text(name, value.String())
		return
	}
	l.key(name)
	l.json, _ = value.AppendText(append(l.json, '"')) // it has no error to give
	l.json = append(l.json, '"')
}

func (l *line) address(name string, value netip.Addr) {
	if l.encoder != nil || value.Zone() != "" {
		l.text(name, value.String())
		return
	}
	l.key(name)
	l.json = append(value.AppendTo(append(l.json, '"')), '"')
}

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
