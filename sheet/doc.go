// Package sheet reads and writes spreadsheets: .xlsx, and the kinds of .csv that
// Chinese and English Excel save. It knows of cells, rows and limits, and nothing
// of what they mean.
//
// What it reads comes from strangers. It trusts neither the file's name nor
// what the file says of itself, evaluates no formula, and stops at its Limits
// before it has used more memory than they allow.
package sheet
