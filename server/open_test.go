package main

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/auth/idtoken"
	"github.com/musterhq/muster/fault"
)

func TestIDTokensAreTakenWhereAProjectIsConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		config   config
		emulator string
		set, bad bool
	}{
		"nothing":                       {config{}, "", false, false},
		"a project":                     {config{firebaseProject: "my-town"}, "", true, false},
		"a service account":             {config{firebase: newSecret(`{"project_id": "my-town"}`)}, "", true, false},
		"an account of no project":      {config{firebase: newSecret(`{}`)}, "", false, false},
		"an account that is none":       {config{firebase: newSecret(`{"private_key": "hush`)}, "", false, true},
		"a project with an emulator":    {config{firebaseProject: "my-town"}, "127.0.0.1:9", false, true},
		"a demonstration with one":      {config{firebaseProject: "demo-town"}, "127.0.0.1:9", true, false},
		"a project beside an account's": {config{firebaseProject: "demo-town", firebase: newSecret(`{"project_id": "my-town"}`)}, "127.0.0.1:9", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(idtoken.EmulatorVariable, c.emulator)
			got, err := c.config.idTokens(t.Context())
			if (got != nil) != c.set || (err != nil) != c.bad {
				t.Fatalf("got %v, %v", got, err)
			}
			if err != nil {
				lacks(t, "the error", err.Error(), "hush")
			}
			if got == nil {
				return
			}
			if phone, err := got.Verify(t.Context(), "a.b.c"); !errors.Is(err, fault.Unauthenticated("id_token")) || phone != "" {
				t.Errorf("got %q, %v", phone, err)
			}
		})
	}
}
