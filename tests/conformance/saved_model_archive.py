# SPDX-License-Identifier: Apache-2.0
"""SavedModels as archives that are the same at each making."""
import gzip
import io
import os
import tarfile


def archive(folder):
    """A tar file whose bytes do not depend on when and by whom it is made."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(place, name)
                info = tarfile.TarInfo(os.path.relpath(path, folder))
                info.size = os.path.getsize(path)
                with open(path, "rb") as stream:
                    tar.addfile(info, stream)
    return gzip.compress(out.getvalue(), mtime=0)


def trim(folder):
    """Leaves what serving and restoring need: no training, no description of objects."""
    from tensorflow.core.protobuf import saved_model_pb2
    path = os.path.join(folder, "saved_model.pb")
    model = saved_model_pb2.SavedModel()
    with open(path, "rb") as stream:
        model.ParseFromString(stream.read())
    for meta in model.meta_graphs:
        meta.ClearField("object_graph_def")
        meta.meta_info_def.ClearField("stripped_op_list")
        library = {f.signature.name: f for f in meta.graph_def.library.function}
        wanted, open_ends = set(), []
        saving = meta.saver_def.save_tensor_name.split(":")[0]

        def look(nodes):
            for node in nodes:
                if node.name == saving:
                    continue
                names = [node.op] + [v.func.name for v in node.attr.values()] + [x.name for v in node.attr.values() for x in v.list.func]
                for name in names:
                    if name in library and name not in wanted:
                        wanted.add(name)
                        open_ends.append(library[name])

        look(meta.graph_def.node)
        while open_ends:
            function = open_ends.pop()
            for node in function.node_def:
                for key in ("_output_shapes", "config_proto"):
                    node.attr.pop(key, None)
            function.attr.pop("_input_shapes", None)
            look(function.node_def)
        for name in sorted(set(library) - wanted):
            meta.graph_def.library.function.remove(library[name])
        del meta.graph_def.library.gradient[:]
        for node in meta.graph_def.node:
            node.attr.pop("_output_shapes", None)
            node.attr.pop("config_proto", None)
    with open(path, "wb") as stream:
        stream.write(model.SerializeToString(deterministic=True))
    for name in ("keras_metadata.pb", "fingerprint.pb"):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
