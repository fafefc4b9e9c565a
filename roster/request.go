package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/audit"
	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/store"
)

// RequestKind is what is asked of an org unit.
type RequestKind string

// The kinds.
const (
	RequestTransfer RequestKind = "TRANSFER" // to be its responder
	RequestJoin     RequestKind = "JOIN"     // to belong to its team besides one's own
)

// Request is a request that a responder may belong to an org unit, as long as
// it waits for that unit's staff. What becomes of it is in the audit log.
type Request struct {
	store.Meta  `bson:",inline"`
	ResponderID string      `bson:"responderId"`
	Kind        RequestKind `bson:"kind"`
	ToUnitID    string      `bson:"toUnitId"`
	ToUnitPath  string      `bson:"toUnitPath"`
	ByAccountID string      `bson:"byAccountId"` // the responder's, or that of its staff
	At          time.Time   `bson:"at"`
	Reason      string      `bson:"reason,omitempty"`
}

var requests = store.Define[Request]("requests",
	store.Index{Name: "one", Fields: []string{"responderId", "kind", "toUnitId"}, Unique: true},
	store.Index{Name: "unit", Fields: []string{"toUnitPath"}},
)

// Limits of what one responder belongs to and asks for.
const (
	MaxMemberships = 10
	MaxRequests    = 5 // that wait at a time
)

// NewRequest is what somebody asks for.
type NewRequest struct {
	ResponderID string
	UnitID      string // where to
	Reason      string // at most MaxReason characters; optional
	Key         string `json:"-"` // makes a repetition safe (see store.Once); optional
}

// request asks the receiving side, or, if the actor decides for both sides, does
// at once what is asked for: then there is no request.
func (s *Service) request(ctx context.Context, actor auth.Principal, kind RequestKind, in NewRequest) (*Request, *Responder, error) {
	if err := fault.CheckText("reason", in.Reason, MaxReason); err != nil {
		return nil, nil, err
	}
	var waiting *Request
	find := func(tx *store.Tx) (*Responder, error) {
		waiting = nil // the step may be run again
		return askedFor(ctx, tx, actor, in.ResponderID)
	}
	take := func(tx *store.Tx, r *Responder) (err error) {
		waiting, err = s.ask(ctx, tx, actor, r, kind, in)
		return err
	}
	r, err := s.change(ctx, asked{actor, "requesting a " + string(kind), in.Key, in}, find, take)
	if errors.Is(err, store.ErrDuplicate) {
		return nil, nil, fault.Conflict("request_pending")
	}
	if err != nil || waiting != nil {
		return waiting, r, err
	}
	waiting, err = requests.First(ctx, s.db, store.Where(store.Eq("responderId", r.ID), store.Eq("kind", kind), store.Eq("toUnitId", in.UnitID)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, r, nil // done at once, or decided since it was asked for first
	}
	return waiting, r, err
}

// askedFor loads a responder for whom the actor may ask: its own, or one of
// whose own unit it is a dispatcher.
func askedFor(ctx context.Context, tx *store.Tx, actor auth.Principal, id string) (*Responder, error) {
	r, err := visible(ctx, tx, actor, id)
	if err != nil {
		return nil, err
	}
	if !r.ownedBy(actor) && !r.decidedBy(actor, r.UnitPath) {
		return nil, fault.Forbidden()
	}
	return r, nil
}

func (s *Service) ask(ctx context.Context, tx *store.Tx, actor auth.Principal, r *Responder, kind RequestKind, in NewRequest) (*Request, error) {
	unit, err := openUnit(ctx, tx, in.UnitID)
	if err != nil {
		return nil, err
	}
	if err := kind.fits(r, unit); err != nil {
		return nil, err
	}
	q := &Request{
		ResponderID: r.ID, Kind: kind, ToUnitID: unit.ID, ToUnitPath: unit.Path, ByAccountID: actor.AccountID, At: s.now(), Reason: in.Reason,
	}
	q.ID = s.newID("req")
	if !r.ownedBy(actor) {
		if err := s.changed(ctx, tx, actor, q.Kind.actions().propose, r, r.UnitPath, in.Reason, q.details()...); err != nil {
			return nil, err
		}
	}
	if r.decidedBy(actor, unit.Path) {
		return nil, s.grant(ctx, tx, actor, r, q, unit)
	}
	waiting, err := requests.List(ctx, tx, store.Where(store.Eq("responderId", r.ID)), MaxRequests, "")
	if err != nil {
		return nil, err
	}
	if len(waiting.Items) >= MaxRequests {
		return nil, fault.Conflict("requests_full", fault.Args{"max": MaxRequests})
	}
	if err := requests.Insert(ctx, tx, q); err != nil {
		return nil, err
	}
	return q, responders.Replace(ctx, tx, r) // two that begin at once must not both find room
}

// fits tells whether the responder may belong to the unit in that way.
func (k RequestKind) fits(r *Responder, unit *Unit) error {
	if !r.Status.Enlisted() || k == RequestJoin && r.Status != StatusActive {
		return wrongStatus(r.Status)
	}
	if r.UnitID == unit.ID || k == RequestJoin && r.memberOf(unit.ID) >= 0 {
		return fault.Conflict("in_unit")
	}
	if k == RequestJoin && len(r.Memberships) >= MaxMemberships {
		return fault.Conflict("memberships_full", fault.Args{"max": MaxMemberships})
	}
	return nil
}

// words are what a kind of request is called in the audit log and in notices.
type words struct {
	propose, accept, refuse, cancel audit.Action
	granted, refused                NoticeKind
}

func (k RequestKind) actions() words {
	if k == RequestTransfer {
		return words{audit.ProposeTransfer, audit.AcceptTransfer, audit.RefuseTransfer, audit.CancelTransfer, NoticeTransferred, NoticeTransferRefused}
	}
	return words{audit.ProposeMembership, audit.AcceptMembership, audit.RefuseMembership, audit.CancelMembership, NoticeJoined, NoticeJoinRefused}
}

func (q *Request) details() []audit.Detail {
	return []audit.Detail{{Name: "request", Value: q.ID}, {Name: "to", Value: q.ToUnitID}}
}

// grant does what is asked for, and tells the responder. Whose unit decided
// has it in its log, and so has, of a transfer, the unit that is left.
func (s *Service) grant(ctx context.Context, tx *store.Tx, actor auth.Principal, r *Responder, q *Request, unit *Unit) error {
	details := append(q.details(), audit.Detail{Name: "from", Value: r.UnitID})
	left := r.UnitPath
	if err := s.settle(ctx, tx, r, q.Kind, unit); err != nil {
		return err
	}
	if err := units.Replace(ctx, tx, unit); err != nil { // which must be open still
		return err
	}
	paths := []string{unit.Path}
	if q.Kind == RequestTransfer {
		paths = append(paths, left)
	}
	for _, path := range paths {
		if err := s.changed(ctx, tx, actor, q.Kind.actions().accept, r, path, "", details...); err != nil {
			return err
		}
	}
	return s.tell(ctx, tx, r, q.Kind.actions().granted)
}

func (s *Service) settle(ctx context.Context, tx *store.Tx, r *Responder, kind RequestKind, unit *Unit) error {
	if kind == RequestTransfer {
		return s.transfer(ctx, tx, r, unit)
	}
	return s.join(ctx, tx, r, unit)
}

// dropRequests deletes those requests of a responder that wait, of those kinds
// or of all.
func dropRequests(ctx context.Context, tx *store.Tx, responderID string, kinds ...RequestKind) error {
	conds := []store.Cond{store.Eq("responderId", responderID)}
	if len(kinds) > 0 {
		conds = append(conds, store.In("kind", kinds...))
	}
	waiting, err := requests.List(ctx, tx, store.Where(conds...), MaxRequests, "")
	if err != nil {
		return err
	}
	for _, q := range waiting.Items {
		if err := requests.Delete(ctx, tx, q); err != nil {
			return fmt.Errorf("dropping a request: %w", err)
		}
	}
	return nil
}
