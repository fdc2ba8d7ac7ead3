%% The administrator's commands as ejabberd and people are told of them: names, arguments, results,
%% help. Pure. ejabberd's arguments are all required; where one may be left out there is a command
%% without it.
%%
%% Help is printed as it stands: lines of less than 80 characters, and no tilde.
-module(push_command_list).

-export([commands/0]).

-include("ejabberd_commands.hrl").

-define(NAME, "d-5E0F60D20EBC3A7C1E9A3C51E72B6F0D").
-define(TOKEN, "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0").
-define(APP, "im.example.chat").

%% `[tag:push]' in api_permissions names them all.
-spec commands() -> [ejabberd_commands()].
commands() ->
    [Command#ejabberd_commands{tags = [push], module = push_commands, policy = admin,
                               definer = mod_push_service}
     || Command <- [devices(), devices_removed(), tokens(), count(), test(), test_text(),
                    register(), remove(), purge(), purge_app(), export(), export_from(), import(),
                    import_to(), empty_store(), import_mod_push(), import_mod_pushoff()]].

devices() ->
    #ejabberd_commands{
        name = push_devices, function = devices,
        desc = "List a user's Apple devices that get push notifications",
        longdesc = "The latest registration comes first. 'content' is what Apple may learn of a "
            "message:\n"
            "the stricter of the vhost's setting and the device's wish. 'resource' is of the\n"
            "session that the device is bound to. 'engine' is what this node's engine of the\n"
            "app is at: connected, unconnected (it is trying), paused (an alarm, see the log),\n"
            "down (see the log), not_configured (the vhost does not name the app).\n"
            "'token' is the beginning of the device token: push_device_tokens tells the whole.\n"
            "'last_used' is when Apple last took a push for it, or the app registered it; exact\n"
            "to a day. 'last_error' is why Apple last refused one since the registration.\n"
            "push_devices_removed lists devices that went.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_devices bob example.org | column -t -s \"$(printf '\\t')\"",
        args = user_args(), args_desc = user_descs(), args_example = user_examples(),
        result = {devices, {list, {device, {tuple,
            [{device, string}, {app, string}, {environment, string}, {kind, string},
             {token, string}, {content, string}, {language, string}, {resource, string},
             {remove_on_logout, string}, {registered_at, string}, {device_id, string},
             {device_name, string}, {engine, string}, {last_used, string},
             {last_error, string}]}}}},
        result_desc = "A row for each device; empty where nothing is known",
        result_example = [{?NAME, ?APP, "production", "alert", "00fc13ad...", "none", "de",
                           "phone", "true", "2026-08-03T17:06:12Z", "phone-1", "Bob's phone",
                           "connected", "2026-08-21T09:30:00Z",
                           "2026-08-05T11:02:41Z TopicDisallowed"}]}.

devices_removed() ->
    #ejabberd_commands{
        name = push_devices_removed, function = devices_removed,
        desc = "List a user's Apple devices that were removed lately, and why",
        longdesc = "The latest removal comes first. The last 40 of an account are kept, each "
            "for 30 days.\n"
            "'device' and 'token' are as in push_devices. 'why' is a sentence, or Apple's\n"
            "word: see docs/operations.md. A device may be registered again since.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_devices_removed bob example.org",
        args = user_args(), args_desc = user_descs(), args_example = user_examples(),
        result = {devices, {list, {device, {tuple,
            [{device, string}, {app, string}, {kind, string}, {token, string},
             {device_id, string}, {device_name, string}, {removed_at, string},
             {why, string}]}}}},
        result_desc = "A row for each removal; empty where nothing is known",
        result_example = [{?NAME, ?APP, "alert", "00fc13ad...", "phone-1", "Bob's phone",
                           "2026-08-03T17:06:12Z", "logged out"}]}.

tokens() ->
    #ejabberd_commands{
        name = push_device_tokens, function = tokens,
        desc = "List a user's Apple devices with their whole device tokens",
        longdesc = "Whoever has a token and the app's key can push to the device: give this "
            "command to\n"
            "nobody who needs push_devices only.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_device_tokens bob example.org",
        args = user_args(), args_desc = user_descs(), args_example = user_examples(),
        result = {devices, {list, {device, {tuple,
            [{device, string}, {app, string}, {kind, string}, {token, string}]}}}},
        result_desc = "A row for each device",
        result_example = [{?NAME, ?APP, "alert", ?TOKEN}]}.

count() ->
    #ejabberd_commands{
        name = push_devices_count, function = count,
        desc = "Count the Apple devices of a vhost by app",
        longdesc = "A row for each app that the vhost names, and for each other that has "
            "devices.\n"
            "'engine' is as in push_devices. It reads all devices of the vhost: with a million,\n"
            "some seconds.\n"
            "\n"
            "Examples:\n"
            "  ejabberdctl push_devices_count example.org\n"
            "  ejabberdctl push_devices_count all",
        args = [{host, binary}],
        args_desc = ["A vhost that has the module, or: all"],
        args_example = [<<"example.org">>],
        result = {counts, {list, {count, {tuple,
            [{host, string}, {app, string}, {devices, integer}, {engine, string}]}}}},
        result_desc = "Devices for each vhost and app",
        result_example = [{"example.org", ?APP, 1234, "connected"}]}.

test() ->
    #ejabberd_commands{
        name = push_test, function = test,
        desc = "Send a test push to each of a user's Apple devices, and show each outcome",
        longdesc = test_help() ++
            "Example:\n"
            "  ejabberdctl push_test bob example.org",
        args = user_args(), args_desc = user_descs(), args_example = user_examples(),
        result = outcomes(), result_desc = "A row for each device",
        result_example = outcomes_example()}.

test_text() ->
    #ejabberd_commands{
        name = push_test_text, function = test_text,
        desc = "The same as push_test, with a text of your own",
        longdesc = test_help() ++
            "Example:\n"
            "  ejabberdctl push_test_text bob example.org \"Is this on your screen?\"",
        args = user_args() ++ [{text, binary}],
        args_desc = user_descs() ++ ["What the phone shows; 1000 bytes at most. Apple learns it"],
        args_example = user_examples() ++ [<<"Is this on your screen?">>],
        result = outcomes(), result_desc = "A row for each device",
        result_example = outcomes_example()}.

test_help() ->
    "It waits for the outcomes, 20 seconds at most. The push is worth sending for 15. A\n"
    "device of kind voip rings as for a call.\n"
    "'outcome' is one of:\n"
    "  accepted  Apple took it\n"
    "  rejected  Apple refused it: 'status' and 'reason' are Apple's. A dead token is\n"
    "            removed, as after any other push\n"
    "  failed    it did not get that far: 'reason' says what of\n"
    "  timeout   nothing is known yet\n"
    "'advice' says what to look at. The command succeeds when the test was made,\n"
    "whatever came of it; it fails when there is no such user, or no device.\n"
    "\n".

outcomes() ->
    {outcomes, {list, {outcome, {tuple,
        [{device, string}, {app, string}, {kind, string}, {token, string}, {outcome, string},
         {status, integer}, {reason, string}, {apns_id, string}, {advice, string}]}}}}.

outcomes_example() ->
    [{?NAME, ?APP, "alert", "00fc13ad...", "rejected", 400, "BadDeviceToken",
      "d916d20f-2c34-45d8-8b44-f33d6698e5bc",
      "not a token of the app's environment (sandbox or production), or none at all"}].

register() ->
    #ejabberd_commands{
        name = push_device_register, function = register_device,
        desc = "Register an Apple device for a user",
        longdesc = "As if the user's app had done it: the token leaves whoever had it before, "
            "and of\n"
            "too many devices the longest unused goes.\n"
            "'options' is empty or holds, as name=value with commas between them:\n"
            "  kind              alert (default), or voip for a token of PushKit\n"
            "  device_id         the app's own id: its former token goes\n"
            "  device_name       for lists\n"
            "  content           none, sender or body: the most that Apple may learn\n"
            "  language          as de or pt-BR\n"
            "  environment       production or sandbox: refused if the app is not for it\n"
            "  resource          the session that the device is bound to\n"
            "  remove_on_logout  true: it goes when that session ends cleanly\n"
            "\n"
            "Examples:\n"
            "  ejabberdctl push_device_register bob example.org " ?APP " \\\n"
            "    " ?TOKEN " \"\"\n"
            "  ejabberdctl push_device_register bob example.org " ?APP " \\\n"
            "    " ?TOKEN " \\\n"
            "    \"kind=voip, device_id=phone-1\"",
        args = user_args() ++ [{app, binary}, {token, binary}, {options, binary}],
        args_desc = user_descs() ++ ["An app that the vhost names", "The device token in hex or "
                                     "base64", "name=value, ...; or empty"],
        args_example = user_examples() ++ [<<?APP>>, <<?TOKEN>>, <<"kind=voip">>],
        result = {res, restuple},
        result_desc = "What push_devices calls the device",
        result_example = {ok, "Device " ?NAME " is registered"}}.

remove() ->
    #ejabberd_commands{
        name = push_device_remove, function = remove_device,
        desc = "Remove one of a user's Apple devices",
        longdesc = "All nodes know when the command returns. The app registers again when it "
            "is next\n"
            "started.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_device_remove bob example.org \\\n"
            "    " ?NAME,
        args = user_args() ++ [{device, binary}],
        args_desc = user_descs() ++ ["Its name in push_devices (d-...), its device_id, or the "
                                     "whole token"],
        args_example = user_examples() ++ [<<?NAME>>],
        result = {res, restuple},
        result_desc = "How many devices are removed: two tokens may be one phone's",
        result_example = {ok, "1 device is removed"}}.

purge() ->
    #ejabberd_commands{
        name = push_devices_purge, function = purge,
        desc = "Remove all Apple devices of a user",
        longdesc = "For a user who lost his phones. push_devices_purge_app is for all users of "
            "an app.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_devices_purge bob example.org",
        args = user_args(), args_desc = user_descs(), args_example = user_examples(),
        result = {res, restuple},
        result_desc = "How many devices are removed; none is a success too",
        result_example = {ok, "2 devices are removed"}}.

purge_app() ->
    #ejabberd_commands{
        name = push_devices_purge_app, function = purge_app,
        desc = "Remove a vhost's Apple devices of one app, all or the old ones",
        longdesc = "For an app that is no more, or to forget devices whose app has not "
            "registered for\n"
            "long. Dead tokens need none of it: Apple names them, and they go. There is no way\n"
            "back: look at push_devices_count first. With very many devices say --no-timeout.\n"
            "\n"
            "Examples:\n"
            "  ejabberdctl push_devices_purge_app example.org " ?APP ".old 0\n"
            "  ejabberdctl push_devices_purge_app example.org " ?APP " 365",
        args = [{host, binary}, {app, binary}, {days, binary}],
        args_desc = ["A vhost that has the module", "The app's name; the vhost need not name "
                     "it any more", "Only what was registered that many days ago or earlier; "
                     "0: all"],
        args_example = [<<"example.org">>, <<?APP>>, <<"365">>],
        result = {res, restuple},
        result_desc = "How many devices are removed; none is a success too",
        result_example = {ok, "17 devices are removed"}}.

export() ->
    #ejabberd_commands{
        name = push_devices_export, function = export_devices,
        desc = "Write all Apple devices of a vhost into a file",
        longdesc = export_help() ++
            "Example:\n"
            "  ejabberdctl push_devices_export example.org \\\n"
            "    /var/lib/ejabberd/push.jsonl",
        args = [{host, binary}, {file, binary}], args_desc = host_and_file(),
        args_example = [<<"example.org">>, <<"/var/lib/ejabberd/push.jsonl">>],
        result = {res, restuple}, result_desc = "How many devices are in the file",
        result_example = exported_example()}.

export_from() ->
    #ejabberd_commands{
        name = push_devices_export_from, function = export_devices_from,
        desc = "The same out of a store that is not in use, as after a change of db_type",
        longdesc = export_help() ++
            "Example:\n"
            "  ejabberdctl push_devices_export_from example.org mnesia \\\n"
            "    /var/lib/ejabberd/push.jsonl",
        args = [{host, binary}, {store, binary}, {file, binary}],
        args_desc = host_store_and_file(),
        args_example = [<<"example.org">>, <<"mnesia">>, <<"/var/lib/ejabberd/push.jsonl">>],
        result = {res, restuple}, result_desc = "How many devices are in the file",
        result_example = exported_example()}.

export_help() ->
    "The file has a line of JSON for each device, with whole tokens, and the server's key\n"
    "behind thread ids in its first: keep it like a password. Only ejabberd's user may\n"
    "read it. A file that is there already is left alone. Other commands go on meanwhile.\n"
    "With very many devices say --no-timeout.\n"
    "\n".

import() ->
    #ejabberd_commands{
        name = push_devices_import, function = import_devices,
        desc = "Register the Apple devices in a file of push_devices_export",
        longdesc = import_help() ++
            "Example:\n"
            "  ejabberdctl push_devices_import example.org \\\n"
            "    /var/lib/ejabberd/push.jsonl",
        args = [{host, binary}, {file, binary}], args_desc = host_and_file(),
        args_example = [<<"example.org">>, <<"/var/lib/ejabberd/push.jsonl">>],
        result = {res, restuple}, result_desc = "What became of the file's lines",
        result_example = transferred_example()}.

import_to() ->
    #ejabberd_commands{
        name = push_devices_import_to, function = import_devices_to,
        desc = "The same into a store that is not in use yet, before a change of db_type",
        longdesc = import_help() ++
            "Example:\n"
            "  ejabberdctl push_devices_import_to example.org sql \\\n"
            "    /var/lib/ejabberd/push.jsonl",
        args = [{host, binary}, {store, binary}, {file, binary}],
        args_desc = host_store_and_file(),
        args_example = [<<"example.org">>, <<"sql">>, <<"/var/lib/ejabberd/push.jsonl">>],
        result = {res, restuple}, result_desc = "What became of the file's lines",
        result_example = transferred_example()}.

import_help() ->
    "A device keeps the time of its registration; where the same token, or the same\n"
    "phone, was registered later, that stays. So it may run while devices register, and be\n"
    "repeated. A line that is no device is left out and told with its number; then, and\n"
    "where the file is cut off, the command fails after it has done the rest. The file's\n"
    "key is taken where the store has no devices yet. Other commands go on meanwhile.\n"
    "With very many devices say --no-timeout.\n"
    "\n".

empty_store() ->
    #ejabberd_commands{
        name = push_devices_empty_store, function = empty_store,
        desc = "Remove a vhost's Apple devices from a store that is not in use",
        longdesc = "For the end of a change of db_type. Devices left in the former store would "
            "be there\n"
            "again, long dead, when somebody changes back. With very many say --no-timeout.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_devices_empty_store example.org mnesia",
        args = [{host, binary}, {store, binary}],
        args_desc = ["A vhost that has the module", "mnesia or sql: the one that is not in use"],
        args_example = [<<"example.org">>, <<"mnesia">>],
        result = {res, restuple},
        result_desc = "How many devices are removed; none is a success too",
        result_example = {ok, "17 devices are removed"}}.

host_and_file() ->
    ["A vhost that has the module", "The whole path, on the machine of the server"].

host_store_and_file() ->
    [Host, File] = host_and_file(),
    [Host, "mnesia or sql", File].

exported_example() ->
    {ok, "1234 devices are in the file"}.

transferred_example() ->
    {ok, "imported: 1234, known already or registered anew since: 0, refused: 0"}.

import_mod_push() ->
    #ejabberd_commands{
        name = push_import_mod_push, function = import_mod_push,
        desc = "Take over the device tokens that mod_push knows",
        longdesc = "For clients that put their device token into <enable/> as node, for a push "
            "service of\n"
            "yours (as Monal does). mod_push must be loaded; what it knows stays there. The\n"
            "import may be repeated: a device that is registered here already is left alone.\n"
            "With very many users say --no-timeout.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_import_mod_push example.org push.example.org " ?APP,
        args = [{host, binary}, {service, binary}, {app, binary}],
        args_desc = ["A vhost that has the module", "The jid of the push service that clients "
                     "named", "An app that the vhost names"],
        args_example = [<<"example.org">>, <<"push.example.org">>, <<?APP>>],
        result = {res, restuple},
        result_desc = "How many devices are new, were known, and are none",
        result_example = import_example()}.

import_mod_pushoff() ->
    #ejabberd_commands{
        name = push_import_mod_pushoff, function = import_mod_pushoff,
        desc = "Take over Apple's device tokens from mod_pushoff's table",
        longdesc = "The table pushoff_registration of Mnesia must be there; it stays as it is. "
            "The import\n"
            "may be repeated: a device that is registered here already is left alone.\n"
            "\n"
            "Example:\n"
            "  ejabberdctl push_import_mod_pushoff example.org " ?APP,
        args = [{host, binary}, {app, binary}],
        args_desc = ["A vhost that has the module", "An app that the vhost names"],
        args_example = [<<"example.org">>, <<?APP>>],
        result = {res, restuple},
        result_desc = "How many devices are new, were known, and are none",
        result_example = import_example()}.

import_example() ->
    {ok, "imported: 17, known before: 2, "
         "refused, since they are no tokens of the app: 1"}.

user_args() ->
    [{user, binary}, {host, binary}].

user_descs() ->
    ["The part of the user's address before the @", "A vhost that has the module"].

user_examples() ->
    [<<"bob">>, <<"example.org">>].
