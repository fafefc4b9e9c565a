package privacy

import (
	"context"

	"github.com/musterhq/muster/store"
)

// Write puts one document into a section of a copy. The document is encoded as
// JSON, with the field names that the API has, and times as RFC 3339. All
// documents of a section come one after the other.
type Write = func(section string, doc any) error

// Part is what one package keeps about accounts.
type Part struct {
	Name string // what Erasure.Done calls it; never changes
	// Copy writes all that is kept about the account, and nothing about others.
	Copy func(ctx context.Context, accountID string, write Write) error
	// Begin, if not nil, does in the step that begins an erasure what must not
	// wait. Its fault refuses the erasure.
	Begin func(ctx context.Context, tx *store.Tx, accountID string) error
	// Erase, if not nil, erases some of the rest in short steps, and says
	// whether there is more, for which it is called again. It may be called
	// again when all is erased.
	Erase func(ctx context.Context, accountID string) (more bool, err error)
}
