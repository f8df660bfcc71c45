package observe

import (
	"context"
	"errors"
	"testing"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/token"
)

// answering is a forge that knows everything.
type answering struct{ asking.Resolver }

func (answering) Resolve(context.Context, *token.Session, routes.Reference, time.Duration) (policy.Container, error) {
	return policy.Container{}, nil
}

// A busy owner, whose requests hold hundreds of references, is refused without waiting: the turns are the others'.
func TestABusyOwnerKeepsNobodyWaiting(t *testing.T) {
	p := newPaced(t.Context(), answering{})
	asked := 0
	ask := func(owner int64) error {
		_, err := p.Resolve(t.Context(), &token.Session{OwnerUserID: owner}, routes.Reference{}, 0)
		if err == nil {
			asked++
		}
		return err
	}
	for range questionsOfOneAtOnce {
		if err := ask(7); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for range 1000 {
		switch err := ask(7); {
		case errors.Is(err, forge.ErrBudget):
			refused++
		case err != nil:
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("one owner took all turns")
	}
	if err := ask(8); err != nil {
		t.Errorf("another owner: %v", err)
	}
	for owner := range int64(2 * mostOwners) { // that many are not known at once
		p.may(1000 + owner)
	}
	if len(p.owners) > mostOwners {
		t.Errorf("%d owners are kept", len(p.owners))
	}
}
