% Writes test/fixtures/data/mat/octave.mat and octave-stored.mat with Octave, whose files differ from
% SciPy's and MATLAB's: it says 4 bytes more of short text than it writes.
%
%   octave-cli scripts/make-octave-fixtures.m
%
% The contents are made up here (Apache-2.0, as all of this package). The header holds the date, which
% is set to a fixed text, so that every run gives the same.

chars = ["ab"; "cd"];
word = "abc";
wide = int64([0 1 2; 3 4 5] - 1);
unsigned = uint64([0 1 2; 3 4 5]);
beyond = int64(9007199254740993);
truth = [true false];
names = {"ab", "c"};
empty = "";
accents = "déjà vu";
pair.text = "abcd";
pair.number = int64(7);
last = 5;

folder = fullfile(fileparts(mfilename("fullpath")), "..", "test", "fixtures", "data", "mat");
wanted = {"chars", "word", "wide", "unsigned", "beyond", "truth", "names", "empty", "accents", "pair", "last"};
save("-v7", fullfile(folder, "octave.mat"), wanted{:});
save("-v6", fullfile(folder, "octave-stored.mat"), wanted{:});
for name = {"octave.mat", "octave-stored.mat"}
  file = fopen(fullfile(folder, name{1}), "r+");
  text = "MATLAB 5.0 MAT-file, written by make-octave-fixtures.m";
  fwrite(file, [text repmat(" ", 1, 116 - length(text))]);
  fclose(file);
end
