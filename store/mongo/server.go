package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// oldestWire is the wire version of MongoDB 4.4, the first that creates
// collections and indexes as this package expects, and the driver's oldest.
const oldestWire = 9

// codeCommandNotFound is what 4.4.0 and 4.4.1 answer to hello.
const codeCommandNotFound = 59

// hello is what a server says about itself.
type hello struct {
	SetName string `bson:"setName"`
	Ghost   bool   `bson:"isreplicaset"` // has --replSet, but no configuration
	Msg     string `bson:"msg"`          // "isdbgrid" from mongos
	MaxWire int32  `bson:"maxWireVersion"`
}

// reach waits for a primary.
func (e *Engine) reach(ctx context.Context, hosts []string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := e.client.Ping(ctx, readpref.Primary()); err != nil {
		return fmt.Errorf("mongo: no primary at %s: %w (is it running, with the --replSet that the URI names, and has rs.initiate() been run?)",
			strings.Join(hosts, ","), err)
	}
	return nil
}

// checkServer refuses servers that cannot do what the engine promises.
func (e *Engine) checkServer(ctx context.Context) error {
	var h hello
	err := e.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&h)
	if se := driver.ServerError(nil); errors.As(err, &se) && se.HasErrorCode(codeCommandNotFound) {
		err = e.db.RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Decode(&h)
	}
	if err != nil {
		return fmt.Errorf("mongo: asking the server what it is: %w", err)
	}
	return h.check()
}

func (h hello) check() error {
	switch {
	case h.MaxWire < oldestWire:
		return fmt.Errorf("mongo: the server is too old (wire version %d): MongoDB 4.4 or newer is needed", h.MaxWire)
	case h.SetName != "" || h.Msg == "isdbgrid":
		return nil
	case h.Ghost:
		return errors.New("mongo: the server's replica set has not been initiated: run rs.initiate() in its shell, once")
	default:
		return errors.New("mongo: the server is standalone, and has neither transactions nor change streams: " +
			"start mongod with --replSet rs0 and run rs.initiate() in its shell, once; one member is enough")
	}
}
