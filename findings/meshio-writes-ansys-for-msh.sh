#!/usr/bin/env bash
# meshio: a mesh read from a Gmsh file and written to NAME.msh comes out in the format of ANSYS Fluent, without its groups.
#
# Versions   Debian's python3-meshio 7.0.0-3 (bookworm), which calls itself meshio 5.0.0; Python 3.11.
# Behaviour  Two formats have claimed the suffix .msh, "ansys" and "gmsh". Reading tries both; writing takes ANSYS's without a
#            word. The file reads back as a mesh with the same points and triangles, but the physical groups and their
#            names (cell_data, field_data) are gone, because the format has no place for them. file_format="gmsh" (4.1) keeps
#            the names and loses which triangle belongs to which group; only file_format="gmsh22" keeps both.
# Seen       read: Gmsh 2.2, groups [7, 8], names hole, plate
#            written by suffix: (1 "meshio 5.0.0")
#            read again: 4 points, 2 triangles, groups none, names none
#            written as gmsh: $MeshFormat, groups none, names hole, plate
#            written as gmsh22: $MeshFormat, groups [7, 8], names hole, plate
# A guess    .msh is Gmsh's suffix, and meshio exists for meshio.write(name, meshio.read(name)): one expects the same file back, or
#            at most a newer version of Gmsh's format. The loss shows much later, in another program, when a boundary condition
#            finds no group.
#
# Ends with 0 as long as this holds. Needs Debian 12 on amd64 with its python3 and package lists (apt-get update); installs nothing.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
packages=(python3-meshio=7.0.0-3 python3-numpy libblas3 liblapack3 libgfortran5 libquadmath0)
packages+=(python3-rich python3-pygments python3-markdown-it python3-mdurl python3-typing-extensions)
apt-get download -qq -o APT::Sandbox::User=root "${packages[@]}"
for package in *.deb; do dpkg-deb -x "$package" files; done
libraries="$work/files/usr/lib/x86_64-linux-gnu"
export LD_LIBRARY_PATH="$libraries:$libraries/blas:$libraries/lapack"
export PYTHONPATH="$work/files/usr/lib/python3/dist-packages"

cat >square.msh <<'MSH'
$MeshFormat
2.2 0 8
$EndMeshFormat
$PhysicalNames
2
2 7 "plate"
2 8 "hole"
$EndPhysicalNames
$Nodes
4
1 0 0 0
2 1 0 0
3 1 1 0
4 0 1 0
$EndNodes
$Elements
2
1 2 2 7 1 1 2 3
2 2 2 8 2 1 3 4
$EndElements
MSH
cat >through.py <<'PY'
import meshio

def told(mesh):
    groups = [int(g) for block in mesh.cell_data.get("gmsh:physical", []) for g in block]
    return f"groups {groups or 'none'}, names {', '.join(sorted(mesh.field_data)) or 'none'}"

def first_line(name):
    with open(name) as file:
        return file.readline().strip()

mesh = meshio.read("square.msh")
print("read: Gmsh 2.2,", told(mesh))
assert told(mesh) == "groups [7, 8], names hole, plate"
meshio.write("copy.msh", mesh, binary=False)
print("written by suffix:", first_line("copy.msh"))
assert first_line("copy.msh") == '(1 "meshio 5.0.0")', "changed: expected the header of ANSYS"
again = meshio.read("copy.msh")
print(f"read again: {len(again.points)} points, {len(again.cells[0].data)} triangles,", told(again))
assert told(again) == "groups none, names none", "changed"
for form, wanted in [("gmsh", "groups none, names hole, plate"), ("gmsh22", told(mesh))]:
    meshio.write("form.msh", mesh, file_format=form, binary=False)
    got = told(meshio.read("form.msh"))
    print(f"written as {form}: {first_line('form.msh')},", got)
    assert first_line("form.msh") == "$MeshFormat" and got == wanted, "changed"
PY
/usr/bin/python3 through.py | grep . # reading prints empty lines
