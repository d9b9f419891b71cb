"""Contrast spread in each part of an image by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.tones import Tones
from cnnfast.utils.arguments import per_axis, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class ContrastLimitedAdaptiveHistogramEqualization(Tones):
    """Makes the tones of each part of an image nearly equally frequent, also in prediction.

    Formula: on numbers from 0 to 255, of each channel alone: a tile's histogram h of 256 tones is limited,
    h = min(h, clip_limit pixels / 256), what lies above is spread over all tones, and its sums c give
    map(x) = 255 (c(x) - c(0)) / (pixels - c(0)); out is linear between the maps of the four nearest tiles.
    An image that does not fill its tiles is mirrored at its lower and right border.

    Args:
        value_range: Between which numbers images are.
        clip_limit: How many times as frequent as the mean a tone may be; 0 for no limit.
        tile_grid_size: (rows, columns) of tiles, or one number for both.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, height, width, channels) or (n, channels, height, width), unchanged; one image likewise.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input is no image.

    Source:
        Pizer et al., 1987; Keras 3, `keras.layers.ContrastLimitedAdaptiveHistogramEqualization`.

    Example:
        >>> layer = ContrastLimitedAdaptiveHistogramEqualization(clip_limit=0, tile_grid_size=1)
        >>> layer(np.array([[[10.0], [11.0], [12.0]]])).ravel()
        array([ 85., 170., 255.], dtype=float32)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(value_range, data_format, None, **options)
        self.clip_limit = real_number(clip_limit, "clip_limit")
        self.tile_grid_size = per_axis(tile_grid_size, "tile_grid_size", 2)

    def _changed(self, images: Value) -> Any:
        from cnnfast import ops

        first, size = self._channel_axis == 0, self._sides(images)
        grid = self.tile_grid_size
        tile = tuple(-(-side // count) for side, count in zip(size, grid, strict=True))
        planes: Any = images if first else ops.transpose(images, (0, 3, 1, 2))
        channels = planes.dims[0]
        planes = self._scaled(planes, 255.0)
        for axis in (0, 1):  # mirrored up to whole tiles
            more = grid[axis] * tile[axis]
            places = np.arange(more) % (2 * size[axis])
            planes = ops.take(planes, np.minimum(places, 2 * size[axis] - 1 - places), axis + 2)
        tones = ops.floor(ops.clip(planes, 0.0, 255.0))
        tiles = ops.reshape(tones, (None, channels, grid[0], tile[0], grid[1], tile[1]))
        tiles = ops.transpose(tiles, (0, 1, 2, 4, 3, 5))
        tiles = ops.reshape(tiles, (None, channels * grid[0] * grid[1], tile[0] * tile[1]))
        maps = ops.reshape(self._maps(tiles), (None, channels, grid[0] * grid[1] * 256))
        made = self._between(maps, ops.reshape(tones, (None, channels, -1)), tile)
        whole = ops.reshape(made, (None, channels, grid[0] * tile[0], grid[1] * tile[1]))
        cut = self._scaled(whole[:, :, : size[0], : size[1]], 255.0, back=True)
        return cut if first else ops.transpose(cut, (0, 2, 3, 1))

    _unchanged = _changed

    def _maps(self, tiles: Any) -> Any:
        """What each tone becomes in each tile: (n, tiles, 256)."""
        from cnnfast import ops

        pixels = tiles.dims[1]
        counts = self._histogram(tiles, 16)
        if self.clip_limit:
            kept = ops.minimum(counts, self.clip_limit * pixels / 256)
            counts = kept + ops.sum(counts - kept, -1, keepdims=True) / 256
        upto = ops.matmul(counts, np.triu(np.ones((256, 256), np.float32)))
        least = upto[:, :, :1]
        rest = pixels - least
        return ops.clip((upto - least) * 255.0 / ops.where(ops.equal(rest, 0.0), 1.0, rest), 0.0, 255.0)

    def _between(self, maps: Any, tones: Any, tile: tuple[int, ...]) -> Any:
        """Each pixel by the maps of the four nearest tiles, by how near they are."""
        from cnnfast import ops

        sides = []  # of each axis: the nearest tiles before and behind, and how far it is from the former
        for count, size in zip(self.tile_grid_size, tile, strict=True):
            place = (np.arange(count * size, dtype=np.float32) - size / 2) / size
            before = np.floor(place)
            sides.append((np.clip([before, before + 1], 0, count - 1), place - before))
        (rows, down), (columns, right) = sides
        made: Any = 0.0
        for vertical in (0, 1):
            for across in (0, 1):
                number = rows[vertical][:, None] * self.tile_grid_size[1] + columns[across]
                weight = (down if vertical else 1 - down)[:, None] * (right if across else 1 - right)
                found = ops.take_along_axis(maps, tones + (256 * number).ravel(), -1)
                made = made + found * weight.ravel().astype(np.float32)
        return made

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        config = super().get_config()
        del config["seed"]
        return {**config, "clip_limit": self.clip_limit, "tile_grid_size": self.tile_grid_size}
