package graph

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/dispatch"
	"github.com/musterhq/muster/fault"
	"github.com/musterhq/muster/geo"
)

// answer calls one of the services by which a responder answers an alert.
func answer(
	ctx context.Context, call func(context.Context, auth.Principal, dispatch.Answer) (*dispatch.Alert, error),
	alertID string, reason, key *string,
) (*dispatch.Alert, error) {
	checked, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	return call(ctx, actor(ctx), dispatch.Answer{AlertID: alertID, Reason: or(reason), Key: checked})
}

// reportOf reads a report.
func reportOf(in ReportIncidentInput) (dispatch.Report, error) {
	where, err := positionOf("position", in.Position)
	if err != nil {
		return dispatch.Report{}, err
	}
	if in.Needed != nil && *in.Needed < 1 { // 0 would pass for a report that leaves it out
		return dispatch.Report{}, fault.Invalid("needed", "range", fault.Args{"min": 1, "max": dispatch.MaxNeeded})
	}
	key, err := keyOf(in.IdempotencyKey)
	return dispatch.Report{
		Type: in.Type, Severity: in.Severity, Position: where, Address: or(in.Address), Description: or(in.Description),
		Drill: or(in.Drill), Needed: or(in.Needed), Key: key,
	}, err
}

// fieldNamed gives a fault the name that the input has for the field: staff close an
// incident with an outcome, and responders complete an alert with a note, where
// the service has one word for all of them.
func fieldNamed(err error, field, name string) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Field != field {
		return err
	}
	renamed := *f
	renamed.Field = name
	return &renamed
}

// maxKey is how many characters an idempotency key may have.
const maxKey = 100

// keyOf checks an idempotency key.
func keyOf(key *string) (string, error) {
	switch {
	case key == nil:
		return "", nil
	case *key == "": // it would make every repetition a step of its own
		return "", fault.Invalid("idempotencyKey", "required")
	case utf8.RuneCountInString(*key) > maxKey:
		return "", fault.Invalid("idempotencyKey", "too_long", fault.Args{"max": maxKey})
	}
	return *key, nil
}

// positionOf reads a position in whatever datum it is given.
func positionOf(field string, in *PositionInput) (geo.Position, error) {
	p, ok := geo.ToWGS84(in.Latitude, in.Longitude, in.Datum)
	if !ok {
		return p, fault.Invalid(field, "position")
	}
	return p, nil
}

// or returns what an optional input points to, or the zero value.
func or[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
