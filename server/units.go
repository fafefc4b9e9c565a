package main

import (
	"context"
	"os"

	"github.com/musterhq/muster/roster"
)

// importUnits puts the tree of org units into the store.
func (p program) importUnits(ctx context.Context, args []string) int {
	flags := newFlags("units import")
	if code, ok := p.parse(flags, args, "FILE.csv"); !ok {
		return code
	}
	list, err := readUnits(flags.Arg(0))
	if err != nil {
		return p.failed(err)
	}
	return p.with(ctx, func(a *app) error {
		if err := a.roster.ImportUnits(ctx, list); err != nil {
			return err
		}
		count := map[roster.Level]int{}
		for _, u := range list {
			count[u.Level]++
		}
		p.say("Imported %d org units: %d of level %s, %d of %s, %d of %s.", len(list),
			count[roster.LevelDistrict], roster.LevelDistrict,
			count[roster.LevelSubdistrict], roster.LevelSubdistrict,
			count[roster.LevelCommunity], roster.LevelCommunity)
		return nil
	})
}

func readUnits(path string) ([]roster.Unit, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	return roster.ReadDivisions(file)
}
