// Package learn says what a token or another credential was seen to do: values that are kept, and from which a smaller grant can
// be made. They hold no part of a path, a name, a body or a parameter, except names of git refs, because constraints name refs.
package learn
