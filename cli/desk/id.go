package desk

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"patgate/cli/terminal"
	"patgate/store"
	"patgate/token"
)

// ID reads the id of one of patgate's tokens.
func ID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && (token.Find([]byte(text)) || token.HasPrefix([]byte(text))): // not repeated: output is kept by CI systems
		return 0, terminal.Usage(errors.New("a token's secret was given in place of its id, and others may have seen it: " +
			"patgate token list shows the ids; revoke the token with patgate token revoke --secret -"))
	case err != nil:
		return 0, terminal.Usage(fmt.Errorf("%q is not a token id: patgate token list shows them", text))
	case id < store.FirstTokenID:
		return 0, terminal.Usage(fmt.Errorf("%d is not the id of a patgate token, they begin at %d: it may be one of the "+
			"forge's own",
			id, store.FirstTokenID))
	}
	return id, nil
}

// Path is where the API has a token.
func Path(id int64, rest string) string {
	return "tokens/" + url.PathEscape(fmt.Sprint(id)) + rest
}
