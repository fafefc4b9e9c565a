package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/client/reference"
)

// listUses are those of lists of the roster, and of its files.
func listUses() map[string]use {
	return map[string]use{
		"responders": func(t *testing.T, tw *town) (got, want any) {
			v := tw.newVolunteer(t, guiyuanOne, tw.scene())
			active, onDuty, ending := reference.ResponderStatusActive, true, v.phone[len(v.phone)-9:]
			r, _ := reference.Responders(t.Context(), tw.guiyuan.typed(t), guiyuanID,
				&reference.ResponderFilter{Text: &ending, OnDuty: &onDuty},
				reference.ResponderSort{By: reference.ResponderSortKeyName, Direction: reference.SortDirectionDesc}, &active, 1, nil)
			return []any{r.Responders.TotalCount, r.Responders.Nodes[0].Id, r.Responders.Nodes[0].Status}, []any{1, v.responderID, active}
		},
		"exportResponders": func(t *testing.T, tw *town) (got, want any) {
			r, _ := reference.ExportResponders(t.Context(), tw.guiyuan.typed(t), reference.ExportRespondersInput{
				OrgUnitId: guiyuanID, Sort: reference.ResponderSort{By: reference.ResponderSortKeyName, Direction: reference.SortDirectionAsc},
			})
			download := r.ExportResponders.Download
			return []any{tw.fetch(t, download.Url).status, download.ExpiresAt.After(time.Now())}, []any{http.StatusOK, true}
		},
		"rosterImport": func(t *testing.T, tw *town) (got, want any) {
			id := tw.guiyuan.upload(t, guiyuanID, "姓名,手机,单位\n钱七,13812340002,老围\n,13812340003,老围\n")
			r, _ := reference.RosterImport(t.Context(), tw.guiyuan.typed(t), id, 10, nil, nil)
			found := r.RosterImport
			return []any{found.State, found.Counts.New, found.Changes.Nodes[0].Kind, found.Problems.Nodes[0].Problems[0].Field},
				[]any{reference.RosterImportStateChecked, 1, reference.RosterImportChangeKindNew, reference.RosterFieldName}
		},
		"rosterImports": func(t *testing.T, tw *town) (got, want any) {
			id := tw.liantang.upload(t, liantangID, "姓名,手机,单位\n钱七,13812340004,坳下\n")
			r, _ := reference.RosterImports(t.Context(), tw.liantang.typed(t), liantangID, 1, nil)
			return []any{r.RosterImports.Nodes[0].Id, r.RosterImports.Nodes[0].Progress.Checked}, []any{id, 1}
		},
		"applyRosterImport": func(t *testing.T, tw *town) (got, want any) {
			id := tw.guiyuan.upload(t, guiyuanID, "姓名,手机,单位\n孙八,13812340005,老围\n")
			r, _ := reference.ApplyRosterImport(t.Context(), tw.guiyuan.typed(t), reference.ApplyRosterImportInput{Id: id, Mode: reference.RosterImportModeAllOrNothing})
			tw.guiyuan.awaitImport(t, id, "DONE")
			return []any{r.ApplyRosterImport.RosterImport.State, *r.ApplyRosterImport.RosterImport.Mode},
				[]any{reference.RosterImportStateApplying, reference.RosterImportModeAllOrNothing}
		},
		"cancelRosterImport": func(t *testing.T, tw *town) (got, want any) {
			id := tw.guiyuan.upload(t, guiyuanID, "姓名,手机,单位\n孙八,13812340006,老围\n")
			r, _ := reference.CancelRosterImport(t.Context(), tw.guiyuan.typed(t), reference.CancelRosterImportInput{Id: id})
			return r.CancelRosterImport.RosterImport.State, reference.RosterImportStateCancelled
		},
	}
}
