"""A WordPress of Debian's package on loopback: its own copy, its own database, PHP's own server."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from tests.nodes.install import MissingTool
from tests.nodes.process import Process, free_ports

SOURCE = Path("/usr/share/wordpress")
PLUGIN = Path(__file__).parents[2] / "widget" / "wordpress" / "donations-widget.php"
ADMIN, AUTHOR = 1, 2  # the author's HTML is filtered
PASSWORD = "correct horse"

_CONFIG = """<?php
define('DB_NAME','wp'); define('DB_USER','wp'); define('DB_PASSWORD','wp');
define('DB_HOST','localhost:{socket}'); define('DB_CHARSET','utf8mb4'); define('DB_COLLATE','');
foreach (['AUTH','SECURE_AUTH','LOGGED_IN','NONCE'] as $k) {{
  define($k.'_KEY', 'test-'.$k); define($k.'_SALT', 'salt-'.$k); }}
define('WP_HOME','{url}'); define('WP_SITEURL','{url}');
define('DISABLE_WP_CRON',true); define('AUTOMATIC_UPDATER_DISABLED',true);
define('WP_HTTP_BLOCK_EXTERNAL',true); define('WP_ACCESSIBLE_HOSTS','127.0.0.1,localhost');
define('WP_DEBUG',true); define('WP_DEBUG_DISPLAY',false); define('WP_DEBUG_LOG','{log}');
$table_prefix='wp_'; if (!defined('ABSPATH')) define('ABSPATH', __DIR__.'/');
require_once ABSPATH.'wp-settings.php';
"""
# WordPress refuses to ask private hosts and odd ports, which is where a test's service is.
_LOOPBACK = """<?php
add_filter('http_request_host_is_external', '__return_true');
add_filter('http_allowed_safe_ports', fn($p) => range(1024, 65535));
"""
# The themes are packages of their own, with other names in each release of Debian.
_THEME = """<!doctype html><html <?php language_attributes(); ?>><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><?php wp_head(); ?></head><body><main>
<?php while (have_posts()) { the_post(); the_content(); } ?></main>
<?php wp_footer(); ?></body></html>
"""
_INSTALL = """
add_filter('pre_wp_mail', '__return_true');
wp_install('Carnet', 'admin', 'a@example.org', true, '', %(password)s, 'fr_FR');
wp_insert_user(['user_login'=>'author', 'user_pass'=>%(password)s, 'role'=>'author',
  'user_email'=>'b@example.org']);
switch_theme('plain');
return get_bloginfo('version');
"""


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        raise MissingTool(f"{name} is missing: install the package {package}.")
    return found


class Site:
    """A blog with an administrator and an author, and the plugin in place but not active."""

    def __init__(self) -> None:
        self._php = [_tool("php", "php-cli")]
        daemon, client = _tool("mariadbd", "mariadb-server"), _tool("mariadb", "mariadb-client")
        setup = _tool("mariadb-install-db", "mariadb-server")
        if not (SOURCE / "wp-load.php").exists():
            raise MissingTool("WordPress is missing: install the package wordpress.")
        # Short, as the path of a socket must be.
        self.folder = Path(tempfile.mkdtemp(prefix="donations-wp-"))
        self.www, data, socket = (self.folder / name for name in ("www", "db", "db.sock"))
        self._processes: list[Process] = []
        # Every run would compile all of WordPress again.
        (self.folder / "compiled").mkdir()
        for value in ("enable_cli=1", f"file_cache={self.folder / 'compiled'}"):
            self._php += ["-d", f"opcache.{value}"]
        try:
            user = getpass.getuser()
            self._run([setup, "--no-defaults", f"--datadir={data}", f"--user={user}",
                       "--auth-root-authentication-method=socket", "--skip-test-db"])  # fmt: skip
            database = Process(
                "mariadbd",
                [daemon, "--no-defaults", f"--datadir={data}", f"--user={user}",
                 f"--socket={socket}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0",
                 "--innodb-buffer-pool-size=16M", "--performance-schema=OFF",
                 f"--pid-file={self.folder / 'db.pid'}"],
                self.folder / "db.log",
            )  # fmt: skip
            self._processes.append(database)
            ask = [client, "--no-defaults", f"--socket={socket}", "-e"]
            database.wait_ready(lambda: self._answered([*ask, "select 1"]))
            self._run([*ask, "create database wp; create user wp@localhost identified by 'wp'; "
                             "grant all on wp.* to wp@localhost"])  # fmt: skip
            (port,) = free_ports(1)
            self.url = f"http://127.0.0.1:{port}"
            self.log = self.folder / "debug.log"
            self._copy(socket)
            self.version = self.php(_INSTALL % {"password": json.dumps(PASSWORD)}, 0)
            server = Process(
                "php",
                [*self._php, "-S", f"127.0.0.1:{port}", "-t", str(self.www)],
                self.folder / "php.log",
            )
            self._processes.append(server)
            server.wait_ready(self._answers)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End what was started and remove all of it."""
        for process in reversed(self._processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def php(self, code: str, user: int = ADMIN) -> Any:
        """What ``code`` returns, run inside WordPress as a user."""
        script = Path(__file__).with_name("site.php")
        done = subprocess.run(
            [*self._php, str(script), str(self.www), str(user)],
            input=code.encode(),
            capture_output=True,
            check=False,
        )
        try:
            return json.loads(done.stdout.decode().rpartition("\n")[2])
        except ValueError:
            raise AssertionError(f"{done.stdout.decode()}\n{done.stderr.decode()}") from None

    def post(self, content: str, user: int = AUTHOR) -> str:
        """Publish a post; its address."""
        text = f"json_decode({_quoted(json.dumps(content))})"
        link = self.php(
            f"$id = wp_insert_post(wp_slash(['post_title'=>'Un billet', 'post_status'=>'publish', "
            f"'post_author'=>{user}, 'post_content'=>{text}]), true); "
            "return is_wp_error($id) ? $id->get_error_message() : get_permalink($id);",
            user,
        )
        assert isinstance(link, str)
        return link

    def read(self, address: str) -> str:
        """A page as a visitor gets it."""
        with urllib.request.urlopen(address, timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    def complaints(self) -> list[str]:
        """What PHP complained of in the plugin."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if "donations-widget.php" in line]

    def _answered(self, command: list[str]) -> bool:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _answers(self) -> bool:
        try:
            self.read(f"{self.url}/")
        except OSError:
            return False
        return True

    def _copy(self, socket: Path) -> None:
        # The package is a forest of links into other packages.
        self._run(["cp", "-rL", f"{SOURCE}/.", str(self.www)], check=False)
        content = self.www / "wp-content"
        (content / "mu-plugins").mkdir(parents=True, exist_ok=True)
        (content / "mu-plugins" / "loopback.php").write_text(_LOOPBACK)
        (content / "plugins").mkdir(exist_ok=True)
        theme = content / "themes" / "plain"
        theme.mkdir(parents=True)
        (theme / "style.css").write_text("/* Theme Name: plain */")
        (theme / "index.php").write_text(_THEME)
        shutil.copy(PLUGIN, content / "plugins")
        (self.www / "wp-config.php").write_text(
            _CONFIG.format(socket=socket, url=self.url, log=self.log)
        )

    def _run(self, command: list[str], *, check: bool = True) -> None:
        if command[0] == "cp":
            self.www.mkdir()
        done = subprocess.run(command, capture_output=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.decode()[-2000:]}")


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
