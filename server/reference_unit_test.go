package main

import (
	"fmt"
	"testing"

	"github.com/musterhq/muster/client/reference"
)

// unitUses has a town of its own for each: what happens to units is seen by all.
func unitUses() map[string]use {
	const code = "440303001900"
	create := func(t *testing.T, tw *town, n int) string {
		r, _ := reference.CreateUnit(t.Context(), tw.admin.typed(t), reference.CreateUnitInput{
			Code: fmt.Sprintf("4403030019%02d", n), Name: "新社区", Level: reference.OrgUnitLevelCommunity, ParentId: guiyuanID, Reason: "order 1",
		})
		return r.CreateUnit.OrgUnit.Id
	}
	alone := func(do func(t *testing.T, tw *town) (got, want any)) use {
		return func(t *testing.T, _ *town) (got, want any) { return do(t, newTown(t, nil)) }
	}
	return map[string]use{
		"createUnit": alone(func(t *testing.T, tw *town) (got, want any) { return create(t, tw, 0), code }),
		"renameUnit": alone(func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.RenameUnit(t.Context(), tw.admin.typed(t), reference.RenameUnitInput{OrgUnitId: create(t, tw, 0), Name: "更新社区", Reason: "order 2"})
			return []any{r.RenameUnit.OrgUnit.Name, r.RenameUnit.OrgUnit.FormerNames[0].Name}, []any{"更新社区", "新社区"}
		}),
		"moveUnit": alone(func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.MoveUnit(t.Context(), tw.admin.typed(t), reference.MoveUnitInput{OrgUnitId: create(t, tw, 0), ParentId: liantangID, Reason: "order 2"})
			return r.MoveUnit.OrgUnit.Parent.Id, liantangID
		}),
		"mergeUnit": alone(func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.MergeUnit(t.Context(), tw.admin.typed(t), reference.MergeUnitInput{OrgUnitId: create(t, tw, 0), IntoId: create(t, tw, 1), Reason: "order 2"})
			return r.MergeUnit.OrgUnit.Id, "440303001901"
		}),
		"closeUnit": alone(func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.CloseUnit(t.Context(), tw.admin.typed(t), reference.CloseUnitInput{OrgUnitId: create(t, tw, 0), Reason: "order 2"})
			return r.CloseUnit.OrgUnit.ClosedAt == nil, false
		}),
		"locateUnit": alone(func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.LocateUnit(t.Context(), tw.admin.typed(t), reference.LocateUnitInput{
				OrgUnitId: create(t, tw, 0), Reason: "survey",
				Center: &reference.PositionInput{Latitude: guiyuanCenter.Latitude, Longitude: guiyuanCenter.Longitude, Datum: reference.DatumWgs84},
			})
			return r.LocateUnit.OrgUnit.Center.Latitude, guiyuanCenter.Latitude
		}),
		"setBoundary": alone(func(t *testing.T, tw *town) (got, want any) {
			square := `{"type":"Polygon","coordinates":[[[114.1,22.54],[114.11,22.54],[114.11,22.55],[114.1,22.55],[114.1,22.54]]]}`
			r, _ := reference.SetBoundary(t.Context(), tw.admin.typed(t), reference.SetBoundaryInput{OrgUnitId: create(t, tw, 0), GeoJson: &square, Datum: reference.DatumWgs84, Reason: "survey"})
			return r.SetBoundary.OrgUnit.Boundary == nil, false
		}),
	}
}
