#include "sim/mujoco_scene.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <mutex>
#include <numbers>

#include "sim/mujoco_errors.h"
#include "sim/world.h"

namespace vlaq::sim {
namespace {

constexpr double kMass = 10;            // kg
constexpr double kFieldOfView = 66;     // vertical, degrees; 98 across at 16:9
constexpr double kCameraHeight = 0.25;  // m
constexpr double kCameraBehind = 0.10;  // m behind the base's center
constexpr double kMaxForce = 30;        // N: 3 m/s^2

// Bodies of the scene. What Apply() moves must not stand at the origin here: MuJoCo would take its frame for the
// world's and never look at its place again. Boxes and base may touch (contype/conaffinity 1), all else only shows.
std::string SceneXml(int width, int height) {
  return fmt::format(R"(<mujoco model="vlaq">
<option timestep="0.01" gravity="0 0 0" integrator="Euler"/>
<visual>
  <global offwidth="{0}" offheight="{1}"/>
  <quality shadowsize="0" offsamples="0"/>
  <headlight specular="0 0 0"/>
  <map znear="0.02" zfar="40"/>
</visual>
<statistic extent="1"/>
<asset>
  <texture name="sky" type="skybox" builtin="gradient" rgb1=".7 .8 .9" rgb2=".3 .35 .4" width="64" height="64"/>
  <texture name="checker" type="2d" builtin="checker" rgb1=".72 .72 .72" rgb2="1 1 1" width="128" height="128"/>
  <texture name="tiles" type="2d" builtin="flat" mark="edge" rgb1=".95 .95 .95" markrgb=".6 .6 .6" width="128" height="128"/>
  <texture name="cross" type="2d" builtin="flat" mark="cross" rgb1=".9 .9 .9" markrgb=".7 .7 .7" width="128" height="128"/>
  <texture name="plain" type="2d" builtin="flat" rgb1="1 1 1" width="16" height="16"/>
  <texture name="plain_cube" type="cube" builtin="flat" rgb1="1 1 1" width="16" height="16"/>
  <texture name="edge_cube" type="cube" builtin="flat" mark="edge" rgb1="1 1 1" markrgb=".5 .5 .5" width="64" height="64"/>
  <texture name="checker_cube" type="cube" builtin="checker" rgb1=".8 .8 .8" rgb2="1 1 1" width="64" height="64"/>
  <material name="floor0" texture="checker" texrepeat="20 20" reflectance="0" specular="0"/>
  <material name="floor1" texture="tiles" texrepeat="28 28" reflectance="0" specular="0"/>
  <material name="floor2" texture="cross" texrepeat="24 24" reflectance="0" specular="0"/>
  <material name="floor3" texture="plain" reflectance="0" specular="0"/>
  <material name="box0" texture="plain_cube" specular="0"/>
  <material name="box1" texture="edge_cube" specular="0"/>
  <material name="box2" texture="checker_cube" specular="0"/>
</asset>
<worldbody>
  <light name="sun" pos="2 0 4" dir="0 0 -1" directional="true" castshadow="false" specular="0 0 0"/>
  <geom name="floor" type="plane" size="14 14 .1" material="floor0" contype="0" conaffinity="0"/>
  <geom name="wall0" type="box" pos="9 9 9" size=".1 12 1.5" contype="0" conaffinity="0"/>
  <geom name="wall1" type="box" pos="9 9 9" size="14 .1 1.5" contype="0" conaffinity="0"/>
  <geom name="wall2" type="box" pos="9 9 9" size="14 .1 1.5" contype="0" conaffinity="0"/>
  <geom name="box0" type="box" pos="9 9 9" size=".25 .25 .3" material="box0" contype="1" conaffinity="2"/>
  <geom name="box1" type="box" pos="9 9 9" size=".25 .25 .3" material="box0" contype="1" conaffinity="2"/>
  <geom name="bottle" type="cylinder" pos="9 9 9" size=".07 .18" contype="0" conaffinity="0"/>
  <body name="base" pos="0 0 0">
    <joint name="x" type="slide" axis="1 0 0"/>
    <joint name="y" type="slide" axis="0 1 0"/>
    <joint name="yaw" type="hinge" axis="0 0 1"/>
    <geom name="base" type="cylinder" size="{2} .1" pos="0 0 .12" mass="{3}" rgba="0 0 0 0" contype="2" conaffinity="1"/>
    <camera name="eye" pos="{4} 0 {5}" xyaxes="0 -1 0 0 0 1" fovy="{6}"/>
  </body>
</worldbody>
<actuator>
  <velocity name="x" joint="x" kv="50" forcelimited="true" forcerange="-{7} {7}"/>
  <velocity name="y" joint="y" kv="50" forcelimited="true" forcerange="-{7} {7}"/>
  <velocity name="yaw" joint="yaw" kv="2"/>
</actuator>
</mujoco>
)",
                     width, height, kRobotRadius, kMass, -kCameraBehind, kCameraHeight, kFieldOfView, kMaxForce);
}

// Only one model is compiled at a time: the compiler keeps global state.
std::mutex& CompilerMutex() {
  static std::mutex mutex;
  return mutex;
}

Result<ModelPtr> Compile(const std::string& xml) {
  const std::lock_guard lock(CompilerMutex());
  const auto files = std::make_unique<mjVFS>();
  mj_defaultVFS(files.get());
  const char* name = "scene.xml";
  if (mj_makeEmptyFileVFS(files.get(), name, static_cast<int>(xml.size())) != 0) {
    return Error{ErrorCode::kBackend, "takes no scene", "MuJoCo", ""};
  }
  std::memcpy(files->filedata[mj_findFileVFS(files.get(), name)], xml.data(), xml.size());
  std::array<char, 1000> message{};
  ModelPtr model(mj_loadXML(name, files.get(), message.data(), static_cast<int>(message.size())));
  mj_deleteVFS(files.get());
  if (model == nullptr) return Error{ErrorCode::kBackend, message.data(), "MuJoCo's compiler", ""};
  return model;
}

void SetColor(mjModel& model, int geom, const Color& color) {
  for (size_t i = 0; i < 3; ++i) model.geom_rgba[4 * static_cast<size_t>(geom) + i] = color[i];
  model.geom_rgba[4 * static_cast<size_t>(geom) + 3] = 1;
}

}  // namespace

Result<Scene> Scene::Make(int width, int height) {
  return WithMujoco([&]() -> Result<Scene> {
    Scene scene;
    VLAQ_ASSIGN_OR_RETURN(scene.model_, Compile(SceneXml(width, height)));
    const auto geom = [&](const std::string& name) { return mj_name2id(scene.model_.get(), mjOBJ_GEOM, name.c_str()); };
    const auto material = [&](const std::string& name) {
      return mj_name2id(scene.model_.get(), mjOBJ_MATERIAL, name.c_str());
    };
    scene.camera_ = mj_name2id(scene.model_.get(), mjOBJ_CAMERA, "eye");
    scene.light_ = mj_name2id(scene.model_.get(), mjOBJ_LIGHT, "sun");
    scene.base_ = geom("base");
    scene.floor_ = geom("floor");
    scene.bottle_ = geom("bottle");
    for (size_t i = 0; i < scene.boxes_.size(); ++i) scene.boxes_[i] = geom(fmt::format("box{}", i));
    for (size_t i = 0; i < scene.walls_.size(); ++i) scene.walls_[i] = geom(fmt::format("wall{}", i));
    for (size_t i = 0; i < kFloorTextures; ++i) scene.floor_materials_[i] = material(fmt::format("floor{}", i));
    for (size_t i = 0; i < kBoxTextures; ++i) scene.box_materials_[i] = material(fmt::format("box{}", i));
    return scene;
  });
}

void Scene::Place(int geom, double x, double y, double z, std::array<double, 3> size) {
  const auto at = 3 * static_cast<size_t>(geom);
  model_->geom_pos[at] = x;
  model_->geom_pos[at + 1] = y;
  model_->geom_pos[at + 2] = z;
  for (size_t i = 0; i < 3; ++i) model_->geom_size[at + i] = size[i];
  // The bounding radius that collision and culling use; generous, since sizes are per axis.
  model_->geom_rbound[geom] = size[0] + size[1] + size[2];
}

void Scene::Apply(const Layout& layout) {
  look_ = layout.look;
  for (size_t i = 0; i < boxes_.size(); ++i) {
    const int geom = boxes_[i];
    if (i < layout.boxes.size()) {
      const Box& box = layout.boxes[i];
      Place(geom, box.x, box.y, box.half_z, {box.half_x, box.half_y, box.half_z});
    } else {
      Place(geom, 0, 0, -5, {0.1, 0.1, 0.1});
    }
    SetColor(*model_, geom, look_.boxes[i]);
    model_->geom_matid[geom] = box_materials_[static_cast<size_t>(look_.box_texture[i])];
  }
  const Bottle& bottle = layout.bottle;
  Place(bottle_, bottle.x, bottle.y, bottle.half_height, {bottle.radius, bottle.half_height, 0});
  SetColor(*model_, bottle_, look_.bottle);
  SetColor(*model_, floor_, look_.floor);
  model_->geom_matid[floor_] = floor_materials_[static_cast<size_t>(look_.floor_texture)];
  Place(walls_[0], look_.wall_distance[0], 0, 1.5, {0.1, 14, 1.5});
  Place(walls_[1], 0, look_.wall_distance[1], 1.5, {14, 0.1, 1.5});
  Place(walls_[2], 0, -look_.wall_distance[2], 1.5, {14, 0.1, 1.5});
  for (size_t i = 0; i < walls_.size(); ++i) SetColor(*model_, walls_[i], look_.walls[i]);

  mjtNum* direction = model_->light_dir + 3 * static_cast<size_t>(light_);
  direction[0] = look_.light_direction[0];
  direction[1] = look_.light_direction[1];
  direction[2] = -1;
  mju_normalize3(direction);
  for (size_t i = 0; i < 3; ++i) {
    model_->light_diffuse[3 * static_cast<size_t>(light_) + i] = static_cast<float>(look_.light);
    model_->vis.headlight.ambient[i] = static_cast<float>(look_.ambient);
    model_->vis.headlight.diffuse[i] = static_cast<float>(look_.headlight);
  }
  model_->cam_fovy[camera_] = kFieldOfView + look_.field_of_view;
  model_->cam_pos[3 * static_cast<size_t>(camera_) + 2] = kCameraHeight + look_.camera_height;
  TiltCamera(0, 0);

  // Time constant of the velocity: mass / gain. A velocity actuator pushes with kv x (command - velocity).
  for (size_t joint = 0; joint < 2; ++joint) {
    const double kv = kMass / layout.base.time_constant_s;
    model_->actuator_gainprm[joint * mjNGAIN] = kv;
    model_->actuator_biasprm[joint * mjNBIAS + 2] = -kv;
  }
}

void Scene::TiltCamera(double pitch, double roll) {
  // Nominal: looks along +x, up is +z. MuJoCo's cameras look along their -z with y up.
  std::array<mjtNum, 4> nominal{};
  const std::array<mjtNum, 9> axes{0, 0, -1, -1, 0, 0, 0, 1, 0};
  mju_mat2Quat(nominal.data(), axes.data());
  std::array<mjtNum, 4> turned{nominal};
  const auto turn = [&turned](std::array<mjtNum, 3> axis, double angle) {
    std::array<mjtNum, 4> by{};
    std::array<mjtNum, 4> result{};
    mju_axisAngle2Quat(by.data(), axis.data(), angle);
    mju_mulQuat(result.data(), turned.data(), by.data());
    turned = result;
  };
  turn({0, 1, 0}, look_.camera_yaw);
  turn({1, 0, 0}, look_.camera_pitch + pitch);
  turn({0, 0, 1}, look_.camera_roll + roll);
  for (size_t i = 0; i < 4; ++i) model_->cam_quat[4 * static_cast<size_t>(camera_) + i] = turned[i];
}

bool Scene::Touches(const mjData& data) const {
  for (int i = 0; i < data.ncon; ++i) {
    const mjContact& contact = data.contact[i];
    if ((contact.geom1 == base_ || contact.geom2 == base_) && contact.dist < 0) return true;
  }
  return false;
}

}  // namespace vlaq::sim
