package config

import (
	"reflect"
	"slices"
	"strings"
)

// Flag is a key that was set on the command line.
type Flag struct {
	Name  string // "listen", without dashes
	Key   string // "listen"
	Value string
}

// Input is everything that a configuration is read from. Each part is stronger than the one before.
type Input struct {
	File  string // name of the YAML file, for messages; empty: none
	Data  []byte // its content
	Env   map[string]string
	Flags []Flag
	// OtherEnv are PATGATE_* variables that mean something else, such as PATGATE_CONFIG.
	OtherEnv []string
	// NoUpstream allows upstream.url to be missing, for commands that do not need it.
	NoUpstream bool
	// Upstream is the forge's address as the store knows it, for when nothing else gives one; empty: unknown.
	Upstream string
}

// Parse reads a configuration strictly and gives all problems at once, in the order of the file, then variables, then
// flags. With problems the Config is not to be used.
func Parse(in Input) (Config, []Problem) {
	p := reader{config: Default(), fields: schema(), set: map[string]Source{}, noUpstream: in.NoUpstream}
	if in.File != "" {
		p.file(in.File, in.Data)
	}
	p.env(in.Env, in.OtherEnv)
	p.flags(in.Flags)
	if _, given := p.set[upstreamKey]; !given && in.Upstream != "" {
		f, _ := p.find(upstreamKey)
		p.words(f, Source{Name: "the store"}, in.Upstream)
	}
	if len(p.problems) == 0 {
		p.validate()
	}
	p.config.sources = p.set
	return p.config, p.problems
}

// upstreamKey is the key of the forge's address.
const upstreamKey = "upstream.url"

// reader gathers values and problems.
type reader struct {
	config   Config
	fields   []field
	set      map[string]Source // where each key was given
	problems []Problem

	noUpstream bool
}

func (p *reader) problem(at Source, key, value, message, fix string) {
	p.problems = append(p.problems, Problem{Source: at, Key: key, Value: value, Message: message, Fix: fix})
}

// find gives the field of a key.
func (p *reader) find(key string) (field, bool) {
	i := slices.IndexFunc(p.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return p.fields[i], true
}

// value gives the place of a field in the configuration.
func (p *reader) value(f field) reflect.Value {
	return reflect.ValueOf(&p.config).Elem().FieldByIndex(f.index)
}

// assign reads one key's texts: one for a scalar, any number for a list.
func (p *reader) assign(f field, at []Source, texts []string) {
	target := p.value(f)
	p.set[f.key] = at[0]
	if target.Kind() != reflect.Slice {
		p.scalar(f, at[0], target, texts[0])
		return
	}
	list := reflect.MakeSlice(f.typ, 0, len(texts))
	for i, s := range texts {
		element := reflect.New(f.typ.Elem()).Elem()
		if slices.Contains(texts[:i], s) {
			p.problem(at[i], f.key, shown(f, s), "is in the list twice", "remove one")
		}
		if p.scalar(f, at[i], element, s) {
			list = reflect.Append(list, element)
		}
	}
	target.Set(list)
}

// scalar reads one value.
func (p *reader) scalar(f field, at Source, target reflect.Value, s string) bool {
	if strings.TrimSpace(s) == "" {
		p.problem(at, f.key, "", "is empty", "leave it out for the default, or give it a value")
		return false
	}
	if err := setScalar(target, s); err != nil {
		message, fix, _ := strings.Cut(err.Error(), ": ")
		p.problem(at, f.key, shown(f, s), message, fix)
		return false
	}
	return true
}

// shown gives a value that could not be read for a message. Before an "@" there may be a password.
func shown(f field, s string) string {
	if f.secret() || strings.Contains(s, "@") {
		return Secret{s}.String()
	}
	return s
}

// env reads the environment variables with patgate's prefix, in the order of their names.
func (p *reader) env(env map[string]string, others []string) {
	var names []string
	for name := range env {
		if strings.HasPrefix(name, EnvPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		at := Source{Name: "environment variable " + name}
		i := slices.IndexFunc(p.fields, func(f field) bool { return f.env() == name })
		if i >= 0 {
			p.words(p.fields[i], at, env[name])
			continue
		}
		if slices.Contains(others, name) || injected(name) {
			continue
		}
		known := slices.Clone(others)
		for _, f := range p.fields {
			known = append(known, f.env())
		}
		fix := didYouMean(name, known, "unset it")
		if setting, file := strings.CutSuffix(name, "_FILE"); file && slices.Contains(known, setting) {
			fix = "give what is in that file by " + setting
		}
		p.problem(at, "", "", "is not a setting of patgate", fix)
	}
}

// injected tells whether a variable looks like one that Kubernetes or Docker sets for a service called patgate.
func injected(name string) bool {
	return strings.Contains(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}

// flags reads the command line.
func (p *reader) flags(flags []Flag) {
	for _, flag := range flags {
		at := Source{Name: "flag --" + flag.Name}
		f, ok := p.find(flag.Key)
		if !ok {
			p.problem(at, flag.Key, "", "is not a setting of patgate", "")
			continue
		}
		p.words(f, at, flag.Value)
	}
}

// words reads a value that is one text; lists are separated by commas.
func (p *reader) words(f field, at Source, s string) {
	texts := []string{s}
	if f.typ.Kind() == reflect.Slice {
		if texts = strings.Split(s, ","); f.typ.Elem() == reflect.TypeFor[Issuer]() {
			texts = issuerTexts(s)
		}
		for i := range texts {
			texts[i] = strings.TrimSpace(texts[i])
		}
	}
	p.assign(f, slices.Repeat([]Source{at}, len(texts)), texts)
}
