// Package listing leaves those entries out of a list of the forge's that a token's grant does not reach, and makes pages of the
// others, so that an answer tells nothing of what was left out.
package listing
