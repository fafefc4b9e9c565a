package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
)

// serve is the server itself.
func (p program) serve(ctx context.Context, args []string) int {
	if len(args) > 0 {
		return p.misused("unexpected argument %q", args[0])
	}
	c, log, ok := p.configure()
	if !ok {
		return exitUsage
	}
	err := serve(ctx, c, log)
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) { // told to stop before it had begun
		return exitClean
	}
	return p.failed(err)
}

func serve(ctx context.Context, c config, log *slog.Logger) (err error) {
	a, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	c.warn(log)
	log.Info("serving", "url", "http://"+listener.Addr().String()+graphqlPath, "store", c.storeName())
	if err := a.serve(ctx, listener); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	log.Info("stopped")
	return nil
}

// warn says loudly what does not work, or is not safe, as configured.
func (c config) warn(log *slog.Logger) {
	if c.firebase.reveal() == "" {
		log.Warn("PUSHES ARE OFF: nobody is alerted on a phone; apps learn of alerts only by asking the API",
			"reason", envFirebase+" is not set")
	}
	switch {
	case c.logCodes:
		log.Warn("SIGN-IN CODES ARE LOGGED: whoever reads this log can sign in as anyone; for development only",
			"reason", envCodeLog+" is true")
	case c.gatewayURL.reveal() == "":
		log.Warn("SIGN-IN CODES CANNOT BE SENT: nobody new can sign in", "reason", envGatewayURL+" is not set")
	}
}

func (c config) storeName() string {
	if c.mongoURI.reveal() != "" {
		return "mongodb"
	}
	return c.dataDir
}
