<?php
// php site.php FOLDER USER <code: run code inside the WordPress of FOLDER as that user; its value as JSON.
list( , $folder, $user ) = $argv;
$_SERVER += array( 'HTTP_HOST' => '127.0.0.1', 'SERVER_NAME' => '127.0.0.1', 'REQUEST_METHOD' => 'GET', 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1' );
if ( '0' === $user ) {
	define( 'WP_INSTALLING', true );
}
require $folder . '/wp-load.php';
if ( '0' === $user ) {
	require ABSPATH . 'wp-admin/includes/upgrade.php';
} else {
	wp_set_current_user( (int) $user );
	kses_init();
}
echo "\n", json_encode( eval( stream_get_contents( STDIN ) ) );
