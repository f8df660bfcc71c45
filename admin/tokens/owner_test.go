package tokens

import (
	"errors"
	"testing"

	"patgate/forge"
)

func TestAcceptableDeniesTheZeroIdentity(t *testing.T) {
	for _, allowAdmins := range []bool{false, true} {
		if err := acceptable(&forge.Identity{}, allowAdmins); !errors.Is(err, ErrForbidden) {
			t.Errorf("error %v", err)
		}
	}
}
