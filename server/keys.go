package main

import (
	"context"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/store"
)

// rotateKeys puts a new key into the key file. It does not open the store:
// servers that run follow the file.
func (p program) rotateKeys(_ context.Context, args []string) int {
	if code, ok := p.parse(newFlags("keys rotate"), args); !ok {
		return code
	}
	c, _, ok := p.configure()
	if !ok {
		return exitUsage
	}
	if err := auth.Rotate(c.keyFile, store.Now()); err != nil {
		return p.failed(err)
	}
	p.say("Tokens are signed with a new key from now on (%s).", c.keyFile)
	p.say("The one before verifies until the last token that it signed has expired. Make a new copy of the file.")
	return exitClean
}
