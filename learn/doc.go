// Package learn says what a token or another credential was seen to do: values that are kept, and from which a smaller grant can
// be made. Nothing of a path, a name, a body or a parameter is in them but for names of git refs, which constraints are about.
package learn
