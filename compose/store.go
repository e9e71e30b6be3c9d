package compose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// save writes a composition's JSON beside its film.
func save(dir string, film recording.Composition) error {
	folder := recording.CompositionsDir(dir)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("create compositions folder: %w", err)
	}
	return fullOr(recording.WriteJSON(filepath.Join(folder, film.ID+".json"), film))
}

// stored reads the compositions of the recording in dir, oldest first.
func stored(dir, recordingID string, log *slog.Logger) ([]recording.Composition, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, recording.Errorf(recording.CodeNotFound, "recording %s is not on this node", recordingID)
	}
	entries, err := os.ReadDir(recording.CompositionsDir(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list compositions: %w", err)
	}
	films := []recording.Composition{}
	for _, e := range entries {
		id, isJSON := strings.CutSuffix(e.Name(), ".json")
		if !isJSON || recording.CheckID(recording.PrefixComposition, id) != nil {
			continue
		}
		film, err := load(filepath.Join(recording.CompositionsDir(dir), e.Name()))
		if err != nil || film.ID != id || film.RecordingID != recordingID {
			log.Warn("composition cannot be read", "recording", recordingID, "composition", id, "error", err)
			continue
		}
		films = append(films, film)
	}
	// Identifiers of wished films tell nothing of time.
	slices.SortStableFunc(films, func(a, b recording.Composition) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return films, nil
}

func load(path string) (film recording.Composition, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return film, fmt.Errorf("read composition: %w", err)
	}
	if err := json.Unmarshal(b, &film); err != nil {
		return film, fmt.Errorf("read composition: %w", err)
	}
	return film, nil
}
