package draft

import (
	"strings"
	"time"

	"patgate/admin/console/picker"
	"patgate/admin/tokens"
)

// Meanwhile notes that the token was changed since the form was loaded, and says where it differs from the form. Saving again
// replaces these changes.
func (d *Draft) Meanwhile(t *tokens.Inspected, k *picker.Catalogue, now time.Time) {
	is := Of(t, now)
	d.Revision = is.Revision
	d.General = append(d.General, "The token was changed while this form was open. Save again to replace what it is now by "+
		"what the form says.")
	if is.Name != d.Name {
		d.General = append(d.General, "It is called “"+is.Name+"” now.")
	}
	if is.Description != d.Description {
		d.General = append(d.General, "Its description is “"+is.Description+"” now.")
	}
	if is.Digest() == d.Digest() {
		return
	}
	for _, line := range is.Summarize(k).Lines {
		d.General = append(d.General, "On "+line.Where+" it may now: "+strings.Join(line.What, "; ")+".")
	}
}
