"""Do the channels of a recording hold different sound? Measured while it streams past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ChannelMeter"]

# A channel with no swing above this is silent: -60 dBFS, four of the smallest steps of mu-law.
_SILENT = 1e-3
# Copies through a lossy codec: at every moment the difference is at least this far below the sound.
_COPY_RESIDUAL = 10 ** (-25 / 10)
# Moments quieter than this part of the mean are held against it: there codec noise is all there is.
_QUIET = 10 ** (-30 / 10)
# Below this difference (mean square) there is nothing to hear: two of A-law's smallest steps, -66 dBFS.
_STEP = (16 / 32_768) ** 2
# A copy is at most this much louder or softer (12 dB); fainter likeness is cross-talk.
_COPY_GAIN = 4.0


class ChannelMeter:
    """Running energies of blocks of samples; constant work per block, a few numbers kept for each."""

    def __init__(self, n_channels: int) -> None:
        self._low = np.full(n_channels, np.inf)
        self._high = np.full(n_channels, -np.inf)
        self._n: list[int] = []
        self._energy: list[npt.NDArray[np.float64]] = []
        self._cross: list[npt.NDArray[np.float64]] = []

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take in finite samples, float32 ``(n, n_channels)``, n >= 1."""
        self._low = np.minimum(self._low, block.min(axis=0))
        self._high = np.maximum(self._high, block.max(axis=0))
        centred = block.astype(np.float64)
        centred -= centred.mean(axis=0)
        self._n.append(len(block))
        self._energy.append(np.einsum("ij,ij->j", centred, centred))
        self._cross.append(centred.T @ centred[:, 0])

    @property
    def peak(self) -> float:
        """The largest ``|sample|`` of all channels."""
        return float(max(-self._low.min(), self._high.max(), 0.0))

    @property
    def silent(self) -> tuple[int, ...]:
        """The channels that hold no sound (a constant offset is not sound)."""
        return tuple(int(c) for c in np.flatnonzero((self._high - self._low) / 2 <= _SILENT))

    @property
    def identical(self) -> bool:
        """Whether every channel is a copy of the first, up to gain and codec noise.

        With the one gain ``g`` that fits best over the whole recording, the residual energy
        ``|y - g x|^2`` of every block (about a second) has to stay 25 dB below the block's own. Held
        per block, so a party who says one word in an hour on one channel is enough for stereo.

        Measured on a real call: copies through PCM, mu-law, A-law, MP3, AAC and Opus (16 and 32 kbit/s)
        stay below -27 dB when both have the same level, and below -30 dB through PCM and the laws at
        other levels. A stereo call with every voice in the other channel at 0.9 of its level reaches
        -18 dB, at a third +1 dB. Copies at different levels through MP3, AAC or Opus (-18 dB to -3 dB)
        can't be told from such cross-talk, and count as stereo: no party is lost.
        """
        if len(self._low) < 2 or self.silent:
            return False
        n = np.array(self._n)[:, None]
        energy, cross = np.array(self._energy) / n, np.array(self._cross) / n
        return all(_is_copy(energy[:, 0], energy[:, c], cross[:, c]) for c in range(1, energy.shape[1]))


def _is_copy(xx: npt.NDArray[np.float64], yy: npt.NDArray[np.float64], xy: npt.NDArray[np.float64]) -> bool:
    gain = xy.sum() / xx.sum()
    if not 1 / _COPY_GAIN <= abs(gain) <= _COPY_GAIN:
        return False
    residual = yy - 2 * gain * xy + gain**2 * xx
    level = (yy + gain**2 * xx) / 2
    allowed = _COPY_RESIDUAL * np.maximum(level, _QUIET * level.mean()) + _STEP
    return bool(np.all(residual <= allowed))
