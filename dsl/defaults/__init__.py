"""`_defaults.yaml`: what folders give to the workflows beneath them."""

from dsl.defaults.folders import FolderLayers, is_defaults, layers_of
from dsl.defaults.layer import NAME, Layer, load_layer, unreadable
from dsl.defaults.layered import Layered

__all__ = ["NAME", "FolderLayers", "Layer", "Layered", "is_defaults", "layers_of", "load_layer", "unreadable"]
