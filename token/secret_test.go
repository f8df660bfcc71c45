package token

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"gopkg.in/yaml.v3"
)

const confidential = "glpat-Kx7qW9zR2mN4"

// holder keeps secrets as other types do: in the open, hidden, behind pointers, in lists and as map keys.
type holder struct {
	Open    Secret
	Pointer *Secret
	List    []Secret
	Map     map[string]Secret
	hidden  Secret
	deeper  struct{ hidden []Secret }
}

func newHolder() holder {
	s := NewSecret(confidential)
	h := holder{Open: s, Pointer: &s, List: []Secret{s}, Map: map[string]Secret{"k": s}, hidden: s}
	h.deeper.hidden = []Secret{s}
	return h
}

// betrays tells whether the output has the secret or a good part of it, in any case, as text or as hexadecimal digits.
func betrays(output string) bool {
	const part = 6
	output = strings.ToLower(output)
	plain := strings.ToLower(confidential)
	for i := 0; i+part <= len(plain); i++ {
		piece := plain[i : i+part]
		if strings.Contains(output, piece) || strings.Contains(output, hex.EncodeToString([]byte(confidential[i:i+part]))) {
			return true
		}
	}
	return false
}

func TestBetraysSeesALeak(t *testing.T) {
	for name, leak := range map[string]string{
		"plain": confidential, "part": confidential[3:10], "upper": strings.ToUpper(confidential),
		"hex": fmt.Sprintf("%x", confidential), "HEX": fmt.Sprintf("%X", confidential), "quoted": fmt.Sprintf("%#v", confidential),
	} {
		t.Run(name, func(t *testing.T) {
			if !betrays("a " + leak + " b") {
				t.Error("not seen")
			}
		})
	}
	if betrays("[masked] {text:0xc000012345}") {
		t.Error("a mask is taken for a leak")
	}
}

// TestSecretNeverPrints sends a secret, and types that hold one, through everything that prints.
func TestSecretNeverPrints(t *testing.T) {
	secret := NewSecret(confidential)
	values := map[string]any{
		"itself": secret, "pointer": &secret, "holder": newHolder(), "pointer to holder": ptr(newHolder()),
		"session": Session{Credential: secret}, "pointer to session": &Session{Credential: secret},
		"list": []Secret{secret}, "array": [1]Secret{secret}, "map": map[string]Secret{"a": secret}, "map key": map[Secret]int{secret: 1},
		"any": []any{secret}, "error": fmt.Errorf("calling with %v: %w", secret, errors.New("refused")),
	}
	for name, v := range values {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%t", "%c", "%U", "%e", "%p", "%T", "%z", "%20v", "%-20s", "%.3s", "%+q"} {
			t.Run(format+" of "+name, func(t *testing.T) {
				if out := fmt.Sprintf(format, v); betrays(out) {
					t.Errorf("printed %q", out)
				}
			})
		}
		encoders := map[string]func() ([]byte, error){
			"JSON":        func() ([]byte, error) { return json.Marshal(v) },
			"JSON indent": func() ([]byte, error) { return json.MarshalIndent(v, "", " ") },
			"YAML":        func() (out []byte, err error) { return yaml.Marshal(v) },
			"XML":         func() ([]byte, error) { return xml.Marshal(v) },
			"gob":         func() ([]byte, error) { var b bytes.Buffer; return b.Bytes(), gob.NewEncoder(&b).Encode(v) },
			"print":       func() ([]byte, error) { return []byte(fmt.Sprint(v) + fmt.Sprintln(v)), nil },
			"log": func() ([]byte, error) {
				var b bytes.Buffer
				log.New(&b, "", 0).Print(v)
				return b.Bytes(), nil
			},
			"slog text": func() ([]byte, error) {
				var b bytes.Buffer
				slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
				return b.Bytes(), nil
			},
			"slog JSON": func() ([]byte, error) {
				var b bytes.Buffer
				slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
				return b.Bytes(), nil
			},
			"zap JSON": func() ([]byte, error) { return zapped(zapcore.NewJSONEncoder, v), nil },
			"zap text": func() ([]byte, error) { return zapped(zapcore.NewConsoleEncoder, v), nil },
		}
		for encoder, encode := range encoders {
			t.Run(encoder+" of "+name, func(t *testing.T) {
				defer func() { // some encoders panic on types they cannot write
					if p := recover(); p != nil && betrays(fmt.Sprint(p)) {
						t.Errorf("panicked with %q", p)
					}
				}()
				out, err := encode()
				if betrays(string(out)) || err != nil && betrays(err.Error()) {
					t.Errorf("wrote %q (%v)", out, err)
				}
			})
		}
	}
}

func ptr[T any](v T) *T { return &v }

func zapped(newEncoder func(zapcore.EncoderConfig) zapcore.Encoder, v any) []byte {
	var b bytes.Buffer
	core := zapcore.NewCore(newEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&b), zap.DebugLevel)
	logger := zap.New(core)
	logger.Info("m", zap.Any("v", v), zap.Reflect("r", v))
	logger.Sugar().Infow("m", "v", v)
	logger.Sugar().Infof("%v %+v", v, v)
	return b.Bytes()
}

func TestSecretPrintsAMask(t *testing.T) {
	secret := NewSecret(confidential)
	for format, want := range map[string]string{"%v": mask, "%s": mask, "%q": mask, "%#v": mask, "%x": mask} {
		t.Run(format, func(t *testing.T) {
			if got := fmt.Sprintf(format, secret); got != want {
				t.Errorf("printed %q", got)
			}
		})
	}
	t.Run("String and GoString", func(t *testing.T) {
		if secret.String() != mask || secret.GoString() != mask {
			t.Errorf("printed %q and %q", secret.String(), secret.GoString())
		}
	})
	t.Run("JSON", func(t *testing.T) {
		if out, err := json.Marshal(map[string]Secret{"a": secret}); err != nil || string(out) != `{"a":"[masked]"}` {
			t.Errorf("wrote %s (%v)", out, err)
		}
	})
	t.Run("text", func(t *testing.T) {
		if out, err := secret.MarshalText(); err != nil || string(out) != mask {
			t.Errorf("wrote %s (%v)", out, err)
		}
	})
	t.Run("YAML", func(t *testing.T) {
		if out, err := yaml.Marshal(struct{ A Secret }{secret}); err != nil || string(out) != "a: '[masked]'\n" {
			t.Errorf("wrote %q (%v)", out, err)
		}
	})
}

func TestSecretReveals(t *testing.T) {
	t.Run("its text", func(t *testing.T) {
		if s := NewSecret(confidential); s.Reveal() != confidential || s.Empty() {
			t.Errorf("revealed %q", s.Reveal())
		}
	})
	t.Run("nothing when it is zero", func(t *testing.T) {
		for _, s := range []Secret{{}, NewSecret("")} {
			if s.Reveal() != "" || !s.Empty() || s.String() != "" || fmt.Sprint(s) != "" {
				t.Errorf("revealed %q, printed %q", s.Reveal(), s)
			}
		}
	})
	t.Run("whether it equals another", func(t *testing.T) {
		a, b, c := NewSecret(confidential), NewSecret(strings.Clone(confidential)), NewSecret(confidential+"x")
		if !a.Equal(b) || a.Equal(c) || a.Equal(Secret{}) || !(Secret{}).Equal(NewSecret("")) {
			t.Error("compared wrongly")
		}
		if !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, c) {
			t.Error("reflect.DeepEqual compares wrongly")
		}
	})
}
