package recording

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Where the journals of several nodes lie side by side, as in a folder that was
// gathered from their disks, all but that of the first turn have such names, with the
// number of the first epoch that they tell of.
const furtherJournal = "journal-%d.jsonl"

// JournalName returns what the journal in dir, which has a manifest, is to be called
// beside the journals of other nodes.
func JournalName(dir string) (string, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return "", err
	}
	if len(m.Turns) < 2 {
		return JournalFile, nil
	}
	entries, _, err := readJournal(filepath.Join(dir, JournalFile))
	if err != nil {
		return "", err
	}
	first := slices.IndexFunc(entries, func(e Entry) bool { return e.Epoch != nil })
	if first < 0 || entries[first].Epoch.Number == m.Turns[0].Epoch {
		return JournalFile, nil
	}
	return fmt.Sprintf(furtherJournal, entries[first].Epoch.Number), nil
}

// ReadJournal reads every whole entry of the journal in dir, in order, or of the
// journals of several nodes, by epoch. Lines that are torn or altered are skipped and
// counted.
func ReadJournal(dir string) (entries []Entry, skipped int, err error) {
	further, err := filepath.Glob(filepath.Join(dir, "journal-*.jsonl"))
	if err != nil {
		return nil, 0, fmt.Errorf("look for journals: %w", err)
	}
	entries, skipped, err = readJournal(filepath.Join(dir, JournalFile))
	if len(further) == 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return entries, skipped, err
	}
	turns := map[int64][]Entry{}
	addTurns(turns, entries)
	for _, file := range further {
		entries, n, err := readJournal(file)
		if err != nil {
			return nil, 0, err
		}
		addTurns(turns, entries)
		skipped += n
	}
	entries = nil
	for _, number := range slices.SortedFunc(maps.Keys(turns), cmp.Compare[int64]) {
		entries = append(entries, turns[number]...)
	}
	return entries, skipped, nil
}

// addTurns sorts the entries of one journal by the epoch that was open when they were
// written. Of an epoch that another journal tells of, that one counts.
func addTurns(turns map[int64][]Entry, entries []Entry) {
	var open int64
	ours := map[int64]bool{}
	for _, e := range entries {
		if e.Epoch != nil {
			open = e.Epoch.Number
			ours[open] = ours[open] || turns[open] == nil
		}
		if ours[open] {
			turns[open] = append(turns[open], e)
		}
	}
}

func readJournal(file string) (entries []Entry, skipped int, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	return DecodeJournal(f)
}
