"""Flower's configuration file, from our settings: so the password shows in no process list."""

from models.kernel.settings import get_settings

_settings = get_settings()

address = _settings.flower_host
port = _settings.flower_port
basic_auth = [f"{_settings.flower_user}:{_settings.flower_password.get_secret_value()}"]
read_only = True
tasks_columns = "name,uuid,state,result,received,runtime,worker"
purge_offline_workers = 600
max_tasks = 10_000  # what is older is in the jobs table
